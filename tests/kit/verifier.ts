import {
  type Caller,
  createVerifier,
  type Verification,
  type Verifier,
  type VerifierOptions,
} from "@watchword/server/verifier";
import type { TestApp } from "./app.ts";

/** 32 characters that protect nothing. */
export const feedToken = "feed-token-feed-token-feed-token";

/** A verifier of a test service, on its clock. Keys and revocations come from `origin`. */
export function verifierOf(
  { origin, clock }: Pick<TestApp, "origin" | "clock">,
  { follows = false, ...more }: Partial<VerifierOptions> & { follows?: boolean } = {},
): Verifier {
  return createVerifier({
    issuer: "http://watchword.test",
    audience: "watchword",
    jwksUrl: `${origin}/.well-known/jwks.json`,
    ...(follows ? { revocations: { token: feedToken, url: `${origin}/revocations` } } : {}),
    clock,
    ...more,
  });
}

/** What an answer comes to: `valid`, or the reason. */
export const sayOf = (result: Verification): string => result.status === "valid" ? "valid" : result.reason;

/** The caller of an answer that must be valid. */
export function requireCaller<Claims extends Readonly<Record<string, unknown>>>(
  result: Verification<Claims>,
): Caller<Claims> {
  if (result.status !== "valid") throw new Error(`refused: ${result.reason}`, { cause: result.cause });
  return result.caller;
}
