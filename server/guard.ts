import { AuthError, refuse } from "./auth_error.ts";
import type { DatabaseClock } from "./database_clock.ts";
import type { Denylist } from "./denylist/denylist.ts";
import type { Audit } from "./observe/audit.ts";
import type { AuthRequest, Identity, RequestFacts } from "./request.ts";
import { isDatabaseUnavailable } from "./store/errors.ts";
import type { CurrentSession } from "./store/sessions.ts";
import type { Limits } from "./throttle/limits.ts";
import type { AccessTokens, Verdict } from "./tokens/access_token.ts";
import { toCaller } from "./tokens/caller.ts";
import type { AccessTokenClaims } from "./tokens/parse_claims.ts";
import { readBearer as readCredentials } from "./tokens/read_bearer.ts";

/**
 * How revocation is checked.
 *
 * - `database`: a look-up in Postgres that begins after the call; while Postgres is away, this instance's copy of
 *   the denylist for at most S, then 503
 * - `strict`: the session's and the user's own rows, so that roles and disabling are current too; no fallback
 * - `replica`: this instance's copy alone, at most S old
 * - `none`: signature and expiry only
 */
export type Revocation = "database" | "strict" | "replica" | "none";

/** What an app asks of the callers of a procedure. */
export interface CallerPolicy {
  /** `optional` lets a caller without a token pass as null; a bad token is still refused. */
  auth: "required" | "optional";
  /** @default the service's REVOCATION_CHECK */
  revocation?: Revocation;
  /** The caller has proved who they are within so many seconds; else `STEP_UP_REQUIRED`. */
  maxAgeSeconds?: number;
  /** The caller has at least one of them; else `FORBIDDEN`. */
  roles?: readonly string[];
}

/** What a procedure asks of its caller. Kept as procedure meta, so that a test can walk the router. */
export type Policy = CallerPolicy | { auth: "public" | "refresh token" | "bearer or refresh token" };

/** A bearer, read but not asked about. */
export type Bearer = { status: "missing" } | Verdict;

/** Turns a request into an identity, or refuses it. */
export interface Guard {
  /** Reads and verifies the bearer token (RFC 6750 §2.1), once a request. Asks about no revocation. */
  readBearer(request: RequestFacts): Promise<Bearer>;
  /**
   * Checks a caller against a policy. Null only for `optional` without a token.
   *
   * @throws TOKEN_MISSING | TOKEN_INVALID | TOKEN_EXPIRED | SESSION_REVOKED | FORBIDDEN | STEP_UP_REQUIRED |
   *   RATE_LIMITED | UNAVAILABLE
   */
  identify(auth: AuthRequest, policy: CallerPolicy): Promise<Identity | null>;
  /** Why an open stream of this identity must end now, or null. Never rejects. */
  findEnd(identity: Identity, policy: CallerPolicy): Promise<AuthError | null>;
}

interface GuardDeps {
  accessTokens: AccessTokens;
  denylist: Denylist;
  findCurrentSession: (sessionId: string) => Promise<CurrentSession | null>;
  limits: Limits;
  audit: Audit;
  clock: DatabaseClock;
  /** For policies that do not say. */
  defaultRevocation: Revocation;
}

/** Builds the guard. */
export function createGuard(deps: GuardDeps): Guard {
  const { accessTokens, denylist, findCurrentSession, limits, audit, clock, defaultRevocation } = deps;
  // The calls of one batch share one verification. What is known of a WebSocket outlives it: later calls are
  // judged anew.
  const bearers = new WeakMap<RequestFacts, Promise<Bearer>>();

  async function verifyBearer({ authorization }: RequestFacts): Promise<Bearer> {
    const credentials = readCredentials(authorization);
    if (credentials.status !== "token") return { status: credentials.status };
    // A clock was set, or the machine slept: the database's time is asked for before a token is judged by it.
    if (clock.isDoubtful()) await denylist.refresh().catch(() => {});
    return await accessTokens.verify(credentials.token, clock.now());
  }

  function readBearer(request: RequestFacts): Promise<Bearer> {
    let bearer = bearers.get(request);
    if (bearer === undefined) {
      bearers.set(request, bearer = verifyBearer(request).finally(() => bearers.delete(request)));
    }
    return bearer;
  }

  async function requireClaims(request: RequestFacts): Promise<AccessTokenClaims | null> {
    const bearer = await readBearer(request);
    switch (bearer.status) {
      case "missing":
        return null;
      case "invalid":
        // Only forgeries count: a genuine token that is merely old must never lock its network out.
        limits.takeLocal("refusedBearers", request.network);
        throw refuse("TOKEN_INVALID");
      case "outdated":
        throw refuse("TOKEN_INVALID");
      case "expired":
        throw refuse("TOKEN_EXPIRED");
      case "valid":
        return bearer.claims;
    }
  }

  async function requireUnrevoked(identity: Identity, revocation: Revocation): Promise<Identity> {
    if (revocation === "none") return identity;
    if (revocation !== "strict") {
      if (await denylist.isDenied(identity, revocation)) throw refuse("SESSION_REVOKED");
      return identity;
    }
    const current = await findCurrentSession(identity.sessionId);
    if (current === null || current.isEnded) throw refuse("SESSION_REVOKED");
    return { ...identity, roles: current.roles };
  }

  function requireRole({ roles }: Identity, policy: CallerPolicy): void {
    if (policy.roles && !policy.roles.some((role) => roles.includes(role))) throw refuse("FORBIDDEN");
  }

  function requireRecent({ authenticatedAt }: Identity, { maxAgeSeconds }: CallerPolicy): void {
    if (maxAgeSeconds === undefined) return;
    const ageSeconds = (clock.now().getTime() - authenticatedAt.getTime()) / 1_000;
    if (ageSeconds > maxAgeSeconds) throw refuse("STEP_UP_REQUIRED", { maxAgeSeconds });
  }

  async function check(
    claimed: Identity,
    policy: CallerPolicy & { revocation: Revocation },
  ): Promise<Identity> {
    try {
      const identity = await requireUnrevoked(claimed, policy.revocation);
      requireRole(identity, policy);
      requireRecent(identity, policy);
      return identity;
    } catch (error) {
      if (error instanceof AuthError && error.reason !== "STEP_UP_REQUIRED") {
        await audit.refused("call", { ...claimed, reason: error.reason });
      }
      throw error;
    }
  }

  return {
    readBearer,
    async identify(auth, policy) {
      try {
        const claims = await requireClaims(auth.request);
        if (claims === null) {
          if (policy.auth === "optional") return null;
          throw refuse("TOKEN_MISSING");
        }
        const { revocation = defaultRevocation } = policy;
        const identity = { request: auth.request, ...toCaller(claims) };
        return await check(identity, { ...policy, revocation });
      } catch (cause) {
        // Here nothing has run yet, which a caller may be told.
        throw isDatabaseUnavailable(cause) ? refuse("UNAVAILABLE", { cause, retryAfterSeconds: 1 }) : cause;
      }
    },
    async findEnd(identity, { revocation = defaultRevocation }) {
      if (clock.now() >= identity.expiresAt) return refuse("TOKEN_EXPIRED");
      if (revocation === "none") return null;
      try {
        return await denylist.isDenied(identity, "replica") ? refuse("SESSION_REVOKED") : null;
      } catch (cause) {
        return refuse("UNAVAILABLE", { cause, retryAfterSeconds: 1 });
      }
    },
  };
}
