import { password } from "../kit/app.ts";
import type { Answer, Lane, Question } from "./lane.ts";
import { readClaims } from "./ledger.ts";
import type { Call } from "./model.ts";
import type { Expected } from "./play.ts";

/** A call as it goes over the wire. */
export function questionOf(call: Call, usernames: Map<string, string>): Question {
  switch (call.kind) {
    case "login":
      return { path: "auth.login", input: { identifier: usernames.get(call.user), password } };
    case "refresh":
      return {
        path: "auth.refresh",
        input: {
          refreshToken: call.token.text,
          ...(call.attempt === null ? {} : { attemptId: call.attempt }),
        },
      };
    case "logout":
      return {
        path: "auth.logout",
        input: { scope: call.scope, ...(call.token === null ? {} : { refreshToken: call.token.text }) },
        bearer: call.access?.text,
      };
    case "revoke":
      return { path: "auth.sessions.revoke", input: { sessionId: call.target }, bearer: call.access.text };
    case "me":
      return { path: "auth.me", bearer: call.access.text };
    case "list":
      return { path: "auth.sessions.list", bearer: call.access.text };
    case "database":
    case "replica":
    case "strict":
      return { path: call.kind, bearer: call.access.text };
    case "stepUp":
      return { path: "auth.stepUp", input: { password }, bearer: call.access.text };
  }
}

const iso = (seconds: number) => new Date(seconds * 1_000).toISOString();

/** Whether an answer says what is expected, down to its lifetimes. */
export function isRight(expected: Expected, { status, reason, data }: Answer, lane: Lane): boolean {
  if ("refused" in expected) return reason === expected.refused;
  if (status !== 200) return false;
  if ("done" in expected) return data.ok === true;
  if ("list" in expected) {
    const ids: string[] = data.map((session: { id: string }) => session.id);
    return ids.toSorted().join() === expected.list.join();
  }
  if ("me" in expected) {
    const { user, session, lastUsedAt, expiresAt } = expected.me;
    return data.user.id === user && data.session.id === session &&
      data.session.lastUsedAt === iso(lastUsedAt) &&
      data.session.expiresAt === iso(expiresAt);
  }
  const { tokens } = expected;
  const now = lane.now();
  const answered = "tokens" in data ? data.tokens : data;
  const { iat, exp, ep, sid } = readClaims(answered.accessToken);
  const ttlMax = Math.min(lane.rules.accessSeconds, Math.floor(tokens.absoluteAt) - Math.floor(now));
  const ttlMin = Math.min(Math.floor(lane.rules.accessSeconds * 0.95), ttlMax);
  return answered.sessionId === tokens.session && sid === tokens.session && ep === tokens.epoch &&
    answered.generation === tokens.generation && answered.serverTime === iso(now) &&
    answered.refreshExpiresInSeconds === Math.floor(tokens.idleAt - now) &&
    iat === Math.floor(now) && exp - iat === answered.expiresInSeconds &&
    answered.expiresInSeconds >= ttlMin && answered.expiresInSeconds <= ttlMax;
}

/** An answer in a few words. */
export function describe({ status, reason, data }: Answer): string {
  const tokens = data?.tokens ?? data;
  if (status !== 200) return `${status} ${reason}`;
  return tokens?.generation === undefined ? "200" : `200 generation ${tokens.generation}`;
}
