import { type Clock, systemClock } from "../clock.ts";
import { requireFeedToken } from "../denylist/feed_format.ts";
import { createTokenVerifier, requireParties } from "../tokens/access_token.ts";
import { type Caller, toCaller } from "../tokens/caller.ts";
import { readBearer } from "../tokens/read_bearer.ts";
import type { FetchOptions } from "./fetch_from.ts";
import { followRevocations } from "./follow_revocations.ts";
import { createRemoteKeys } from "./remote_keys.ts";
import { createRevocationCopy } from "./revocation_copy.ts";
import { requireServiceUrl, urlAt } from "./service_url.ts";

type OwnRecord = Readonly<Record<string, unknown>>;

/** Settings of {@link createVerifier}. Only the first two are required. */
export interface VerifierOptions<Claims extends OwnRecord = OwnRecord> {
  /** `iss` of every token, exactly as the service has it. */
  issuer: string;
  /** `aud` of every token. */
  audience: string;
  /** Where the keys are. @default issuer + "/.well-known/jwks.json" */
  jwksUrl?: string;
  /**
   * Follows the service's revocations, so that a session that has ended is refused here too. `token` is the
   * service's `REVOCATION_FEED_TOKEN`. Without it a token is good until it expires.
   *
   * @default url: issuer + "/revocations"
   */
  revocations?: { token: string; url?: string };
  /** S: how old what is known of revocations may be. In seconds, at least 2. @default 5 */
  maxStalenessSeconds?: number;
  /** The zod schema that the service has as `claims.schema`. Without it `caller.claims` is empty. */
  claims?: { safeParse(own: unknown): { success: true; data: Claims } | { success: false } };
  /** @default the global one */
  fetch?: FetchOptions["fetch"];
  /** Judges `exp`; it may differ from the service's by 5 s. */
  clock?: Clock;
}

/** Why a caller was not let in. `UNAVAILABLE` says that nobody can know now, and nothing about the token. */
export interface VerifierRefusal {
  status: "refused";
  reason: "TOKEN_MISSING" | "TOKEN_INVALID" | "TOKEN_EXPIRED" | "SESSION_REVOKED" | "UNAVAILABLE";
  /** With `UNAVAILABLE`: what failed. For a log, not for the caller. */
  cause?: unknown;
}

/** What a verifier says. */
export type Verification<Claims extends OwnRecord = OwnRecord> =
  | { status: "valid"; caller: Caller<Claims> }
  | VerifierRefusal;

/** Checks access tokens of a Watchword service without its database. Never rejects. */
export interface Verifier<Claims extends OwnRecord = OwnRecord> extends AsyncDisposable {
  /** Checks an `Authorization` header as it came; none is `TOKEN_MISSING`. */
  verify(authorization: string | null | undefined): Promise<Verification<Claims>>;
  /** Checks a token alone. */
  verifyToken(token: string): Promise<Verification<Claims>>;
  /** Ends the connection to the feed; without `revocations` there is nothing to end. */
  close(): Promise<void>;
}

const STALENESS_MIN_SECONDS = 2;

function refused(reason: VerifierRefusal["reason"], cause?: unknown): VerifierRefusal {
  return { status: "refused", reason, ...(cause === undefined ? {} : { cause }) };
}

function parseOwn<Claims extends OwnRecord>(
  schema: VerifierOptions<Claims>["claims"],
  own: Record<string, unknown>,
) {
  // As at the service: what no schema has looked at is not handed out.
  if (schema === undefined) return {};
  const parsed = schema.safeParse(own);
  return parsed.success ? parsed.data : null;
}

/**
 * Builds a verifier for another service: the same strict verification as the issuer's own, over its JWKS (RFC 7517).
 *
 * With `revocations`, a session that was ended anywhere is refused within S, as a rule within a tenth of a second.
 * While the feed is out of reach the answers stay right for S, and are `UNAVAILABLE` after that. While only the JWKS
 * is, keys that were read within the hour still verify.
 *
 * The feed carries what an instance of the service copies, `denylistReplicaMax` entries (200,000). With more than that
 * to revoke at one time it cannot be complete, and whoever would pass here is `UNAVAILABLE` until enough have expired.
 *
 * @throws TypeError without an issuer or an audience, or for an address that is neither https nor on this machine
 * @throws RangeError for a `maxStalenessSeconds` under 2, or a `revocations.token` that the service would refuse
 * @example
 * ```ts ignore
 * const verifier = createVerifier({ issuer: "https://auth.example.com", audience: "watchword" });
 * const result = await verifier.verify(request.headers.get("authorization"));
 * if (result.status === "refused") return refusalResponse(result);
 * const { userId, roles } = result.caller;
 * ```
 */
export function createVerifier<Claims extends OwnRecord = OwnRecord>(
  options: VerifierOptions<Claims>,
): Verifier<Claims> {
  const parties = requireParties({ issuer: options.issuer, audience: options.audience });
  const { issuer } = parties;
  const { revocations, claims, maxStalenessSeconds = 5, clock = systemClock } = options;
  const fetch: FetchOptions["fetch"] = options.fetch ?? ((url, init) => globalThis.fetch(url, init));
  if (!(maxStalenessSeconds >= STALENESS_MIN_SECONDS)) {
    throw new RangeError(`maxStalenessSeconds must be at least ${STALENESS_MIN_SECONDS}`);
  }
  const jwksUrl = requireServiceUrl("jwksUrl", options.jwksUrl ?? urlAt(issuer, "/.well-known/jwks.json"));
  const tokens = createTokenVerifier({
    keys: createRemoteKeys({ url: jwksUrl, fetch, clock }),
    parties,
    ownClaims: { parse: (own) => parseOwn(claims, own) },
  });
  const copy = revocations && createRevocationCopy({ clock, maxStalenessSeconds });
  const following = copy && followRevocations({
    url: requireServiceUrl("revocations.url", revocations.url ?? urlAt(issuer, "/revocations")),
    token: requireFeedToken("revocations.token", revocations.token),
    copy,
    fetch,
    clock,
  });

  async function checkRevocation(caller: Caller<Claims>): Promise<Verification<Claims>> {
    if (copy?.ask(caller) === "unknown") await following?.started;
    const answer = copy?.ask(caller);
    if (answer === "denied") return refused("SESSION_REVOKED");
    return answer === "unknown" ? refused("UNAVAILABLE", following?.fault) : { status: "valid", caller };
  }

  async function verifyToken(token: string): Promise<Verification<Claims>> {
    try {
      const verdict = await tokens.verify(token, clock.now());
      if (verdict.status === "expired") return refused("TOKEN_EXPIRED");
      if (verdict.status !== "valid") return refused("TOKEN_INVALID");
      // What was parsed by the schema of `Claims` is `Claims`.
      return await checkRevocation(toCaller(verdict.claims) as Caller<Claims>);
    } catch (cause) {
      return refused("UNAVAILABLE", cause);
    }
  }

  const close = async () => await following?.close();
  return {
    verifyToken,
    async verify(authorization) {
      const bearer = readBearer(authorization);
      if (bearer.status === "token") return await verifyToken(bearer.token);
      return refused(bearer.status === "missing" ? "TOKEN_MISSING" : "TOKEN_INVALID");
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
