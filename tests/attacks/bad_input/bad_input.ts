import type { CallOptions, TestApp } from "../../kit/app.ts";

/** Stands in every hostile input: neither an answer nor a log line may ever hold it. */
export const canary = "c4nary";

/** Who is attacked: a user with a live session, and what an attacker could hold of it. */
export interface Victim {
  app: TestApp;
  username: string;
  tokens: { accessToken: string; refreshToken: string; sessionId: string };
}

/** A request through `fetch`, or bytes for the socket. */
export type Shot = { path: string } & CallOptions | { raw: (string | Uint8Array)[] };

/** One case: what is sent, and the one answer to it. */
export interface BadInput {
  name: string;
  shot: (victim: Victim) => Shot;
  /** Status and reason. */
  answer: string;
  /** The flow began, and wrote an audit row: nothing else may change. */
  executed?: true;
}

/** A case without a victim. */
export function badCall(name: string, answer: string, path: string, call: CallOptions = {}): BadInput {
  return { name, answer, shot: () => ({ path, ...call }) };
}

/** A case that needs the victim's tokens. */
export function badShot(name: string, answer: string, shot: BadInput["shot"]): BadInput {
  return { name, answer, shot };
}
