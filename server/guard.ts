import { refuse } from "./auth_error.ts";
import type { DatabaseClock } from "./database_clock.ts";
import type { Denylist } from "./denylist/denylist.ts";
import type { AuthRequest, Identity, RequestFacts } from "./request.ts";
import type { Limits } from "./throttle/limits.ts";
import type { AccessTokenClaims, AccessTokens, Verdict } from "./tokens/access_token.ts";

/** What a procedure asks of its caller. Kept as procedure meta, so that a test can walk the router. */
export interface Policy {
  auth: "public" | "required" | "optional" | "refresh token" | "bearer or refresh token";
  /** How revocation is checked; see the README's table. */
  revocation?: "database";
}

/** A bearer, read but not asked about at the denylist. */
export type Bearer = { status: "missing" } | Verdict;

/** Turns a request into an identity, or refuses it. */
export interface Guard {
  /** Reads and verifies the bearer token (RFC 6750 §2.1), once a request. */
  readBearer(request: RequestFacts): Promise<Bearer>;
  /**
   * Verifies the bearer and asks the denylist.
   *
   * @throws TOKEN_MISSING | TOKEN_INVALID | TOKEN_EXPIRED | SESSION_REVOKED | RATE_LIMITED
   */
  requireIdentity(auth: AuthRequest): Promise<Identity>;
  /** Like `requireIdentity`, but null without a token. A bad token is still refused. */
  findIdentity(auth: AuthRequest): Promise<Identity | null>;
}

interface GuardDeps {
  accessTokens: AccessTokens;
  denylist: Denylist;
  limits: Limits;
  clock: DatabaseClock;
}

// The scheme in any case (RFC 9110 §11.1). Whatever follows it must be exactly one token; two headers arrive
// joined by a comma, which no token contains.
const bearerScheme = /^bearer(?:[ \t]|$)/i;
const bearerCredentials = /^bearer +([^\s,]+)$/i;

function toIdentity({ request }: AuthRequest, { registered, own }: AccessTokenClaims): Identity {
  return {
    request,
    userId: registered.sub,
    sessionId: registered.sid,
    roles: registered.roles,
    authenticatedAt: new Date(registered.auth_time * 1_000),
    amr: registered.amr,
    claims: own,
  };
}

/** Builds the guard. */
export function createGuard({ accessTokens, denylist, limits, clock }: GuardDeps): Guard {
  // The calls of one batch share one verification.
  const bearers = new WeakMap<RequestFacts, Promise<Bearer>>();

  async function verifyBearer({ authorization }: RequestFacts): Promise<Bearer> {
    if (authorization === null || !bearerScheme.test(authorization)) return { status: "missing" };
    const token = bearerCredentials.exec(authorization)?.[1];
    return token === undefined ? { status: "invalid" } : await accessTokens.verify(token, clock.now());
  }

  function readBearer(request: RequestFacts): Promise<Bearer> {
    let bearer = bearers.get(request);
    if (bearer === undefined) bearers.set(request, bearer = verifyBearer(request));
    return bearer;
  }

  async function findIdentity(auth: AuthRequest): Promise<Identity | null> {
    const bearer = await readBearer(auth.request);
    switch (bearer.status) {
      case "missing":
        return null;
      case "invalid":
        // Only forgeries count: a genuine token that is merely old must never lock its network out.
        limits.takeLocal("refusedBearers", auth.request.network);
        throw refuse("TOKEN_INVALID");
      case "expired":
        throw refuse("TOKEN_EXPIRED");
      case "valid": {
        const { sid, sub, ep } = bearer.claims.registered;
        if (await isDenied({ sessionId: sid, userId: sub, epoch: ep })) throw refuse("SESSION_REVOKED");
        return toIdentity(auth, bearer.claims);
      }
    }
  }

  async function isDenied(question: { sessionId: string; userId: string; epoch: number }): Promise<boolean> {
    try {
      return await denylist.isDenied(question);
    } catch (cause) {
      throw refuse("UNAVAILABLE", { cause, retryAfterSeconds: 1 });
    }
  }

  return {
    readBearer,
    findIdentity,
    async requireIdentity(auth) {
      const identity = await findIdentity(auth);
      if (identity === null) throw refuse("TOKEN_MISSING");
      return identity;
    },
  };
}
