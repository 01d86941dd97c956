/**
 * Where the session is kept, and how tabs, workers and processes share it.
 *
 * @module
 */
export { persistent } from "./persistent.ts";
export type { SessionRecord } from "./session_record.ts";
export type { SessionHost, SessionStorage, SharedSession } from "./shared_session.ts";
export { memoryStore } from "./stores/memory_store.ts";
export { webStore } from "./stores/web_store.ts";
export type { TokenStore } from "./token_store.ts";
