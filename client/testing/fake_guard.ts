import { CLOCK_TOLERANCE_SECONDS } from "@watchword/shared/limits";
import { FakeRefusal } from "./fake_refusal.ts";
import type { FakeAccess, FakeSessions } from "./fake_sessions.ts";

/** What a procedure asks of its caller, as on the server. */
export interface FakePolicy {
  auth: "required" | "optional";
  /** The caller has proved who they are within so many seconds; else `STEP_UP_REQUIRED`. */
  maxAgeSeconds?: number;
  /** The caller has at least one of them; else `FORBIDDEN`. */
  roles?: readonly string[];
}

/** `ctx.auth` in a protected procedure, as on the server. */
export interface FakeIdentity {
  readonly userId: string;
  readonly sessionId: string;
  readonly roles: readonly string[];
  readonly authenticatedAt: Date;
  readonly expiresAt: Date;
  readonly amr: readonly string[];
  readonly claims: Readonly<Record<string, unknown>>;
}

/** A bearer as it was read. Nothing is said about its session. */
export type FakeBearer =
  | { status: "missing" | "invalid" }
  | { status: "valid" | "expired"; access: FakeAccess };

const bearerScheme = /^bearer(?:[ \t,]|$)/i;
const bearerCredentials = /^bearer +([^\s,]+)$/i;

/** Turns an `Authorization` header into an identity, or refuses it. */
export type FakeGuard = ReturnType<typeof createFakeGuard>;

/** Builds the guard. */
export function createFakeGuard(sessions: FakeSessions, now: () => number) {
  function readBearer(authorization: string | null): FakeBearer {
    if (authorization === null || !bearerScheme.test(authorization)) return { status: "missing" };
    const access = sessions.accesses.get(bearerCredentials.exec(authorization)?.[1] ?? "");
    if (access === undefined || access.isForgotten) return { status: "invalid" };
    const isExpired = access.expiresAt <= now() / 1_000 - CLOCK_TOLERANCE_SECONDS;
    return { status: isExpired ? "expired" : "valid", access };
  }

  /** @throws FakeRefusal TOKEN_MISSING | TOKEN_INVALID | TOKEN_EXPIRED | SESSION_REVOKED | FORBIDDEN | STEP_UP_REQUIRED */
  function identify(authorization: string | null, policy: FakePolicy): FakeIdentity | null {
    const bearer = readBearer(authorization);
    if (bearer.status === "missing") {
      if (policy.auth === "optional") return null;
      throw new FakeRefusal("TOKEN_MISSING");
    }
    if (!("access" in bearer)) throw new FakeRefusal("TOKEN_INVALID");
    if (bearer.status === "expired") throw new FakeRefusal("TOKEN_EXPIRED");
    const { access: { session, epoch, expiresAt } } = bearer;
    const { user } = session;
    if (session.endedBy !== null || epoch < user.tokenEpoch) throw new FakeRefusal("SESSION_REVOKED");
    const { roles, maxAgeSeconds } = policy;
    if (roles && !roles.some((role) => user.roles.includes(role))) throw new FakeRefusal("FORBIDDEN");
    const ageSeconds = now() / 1_000 - Math.floor(session.authenticatedAt / 1_000);
    if (maxAgeSeconds !== undefined && ageSeconds > maxAgeSeconds) {
      throw new FakeRefusal("STEP_UP_REQUIRED", { maxAgeSeconds });
    }
    return {
      userId: user.id,
      sessionId: session.id,
      roles: user.roles,
      authenticatedAt: new Date(session.authenticatedAt),
      expiresAt: new Date(expiresAt * 1_000),
      amr: ["pwd"],
      claims: {},
    };
  }

  return { readBearer, identify };
}
