/**
 * What server and client of Watchword agree on: the schemas of the wire, the closed list of reasons, the limits.
 *
 * @module
 */
export * from "./claims.ts";
export * from "./limits.ts";
export * from "./reasons.ts";
export * from "./schemas.ts";
