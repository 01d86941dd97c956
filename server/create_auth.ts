import type { AnyTRPCRouter } from "@trpc/server";
import type { z } from "zod";
import { PASSWORD_MIN_CODE_POINTS } from "@watchword/shared";
import type { AuthRouter } from "@watchword/shared/contract";
import { type Clock, systemClock } from "./clock.ts";
import { createDatabaseClock } from "./database_clock.ts";
import { createCurrentSessions } from "./denylist/current_sessions.ts";
import { createDenylist } from "./denylist/denylist.ts";
import type { FlowDeps } from "./flows/deps.ts";
import { type CallerPolicy, createGuard } from "./guard.ts";
import { createHookRunner, type Hooks } from "./hooks.ts";
import type { RequireAuthIn, ServeOptions } from "./http/app_context.ts";
import { createHandler, type Handler } from "./http/handler.ts";
import { createCorsPolicy } from "./http/cors.ts";
import { createContextFactory } from "./http/request_facts.ts";
import { createRevocationFeed } from "./http/revocation_feed.ts";
import { createWsContextFactory } from "./http/ws_context.ts";
import { createAudit } from "./observe/audit.ts";
import { createLog, type Log } from "./observe/log.ts";
import { createPasswords } from "./passwords/passwords.ts";
import { createAuthRouter } from "./router.ts";
import type { AppSchema } from "./store/app_transaction.ts";
import { connect, type Store } from "./store/connect.ts";
import { migrationsFolder, readMigrationState } from "./store/migrate.ts";
import { ensureActiveSigningKey, listSigningKeys } from "./store/signing_keys.ts";
import { createLimits } from "./throttle/limits.ts";
import { createAccessTokens, requireParties } from "./tokens/access_token.ts";
import { deriveAesKey, deriveHmacKey } from "./tokens/derive_key.ts";
import { createKeyRing } from "./tokens/key_ring.ts";
import { createOwnClaimsCodec, type OwnClaims } from "./tokens/own_claims.ts";
import { createRefreshTokenCodec } from "./tokens/refresh_token.ts";
import { generateSigningKey } from "./tokens/signing_key.ts";
import { createTrpc } from "./trpc.ts";
import { createUpkeep } from "./upkeep.ts";

/** Settings of {@link createAuth}. Only the first three are required. */
export interface AuthOptions<
  Claims extends z.ZodObject = z.ZodObject,
  Schema extends AppSchema = Record<string, never>,
> {
  /** A postgres.js URL. PostgreSQL 15 or newer. */
  databaseUrl: string;
  /** `iss` of every token: the origin that the service is reached at. */
  issuer: string;
  /** At least 32 characters. Every key is derived from it; losing it ends all sessions. */
  keyEncryptionSecret: string;
  /** `aud` of every token. @default "watchword" */
  audience?: string;
  /** `client_id` of every token. @default audience */
  clientId?: string;
  /** @default 600 */
  accessTokenTtlSeconds?: number;
  /** @default 2592000 (30 days) */
  refreshIdleTtlSeconds?: number;
  /** @default 7776000 (90 days) */
  sessionAbsoluteTtlSeconds?: number;
  /** How long a used refresh token still gets its successor, whoever asks. @default 10 */
  refreshLeewaySeconds?: number;
  /** How long it does for the attempt that used it. @default 86400 */
  refreshReplayWindowSeconds?: number;
  /** S: how long the copy of the denylist may answer while Postgres is away. @default 5 */
  revocationMaxStalenessSeconds?: number;
  /** How revocation is checked where a policy does not say. @default "database" */
  revocationCheck?: "database" | "replica";
  /**
   * Serves `GET /revocations` to verifiers that show this token (see `createVerifier`). 32 to 4096 visible ASCII
   * characters without commas.
   *
   * @default none: there is no such path
   */
  revocationFeedToken?: string;
  /**
   * How many revocations an instance copies, about 100 bytes each; above it Postgres answers alone, and verifiers
   * that follow the feed are `UNAVAILABLE`.
   *
   * @default 200000
   */
  denylistReplicaMax?: number;
  /** How long a signing key signs. @default 2592000 (30 days) */
  signingKeyRotationSeconds?: number;
  /** Your own claims in every access token, typed as `ctx.auth.claims`. */
  claims?: OwnClaims<Claims>;
  /** Your own code at defined points of registration, sign-in and sign-out. */
  hooks?: Hooks<Schema>;
  /** Your Drizzle schema, for `tx.query` in hooks; without it `tx` has everything else. */
  schema?: Schema;
  /** @default "open" */
  registration?: "open" | "closed";
  /** In code points. @default 8 */
  passwordMinLength?: number;
  /** @default true */
  rateLimits?: boolean;
  /** How many `X-Forwarded-For` hops to trust. @default 0 */
  trustedProxyHops?: number;
  /** Exact browser origins that may call. @default none */
  allowedOrigins?: readonly string[];
  /** Lets any loopback origin call when there is no list. For development. @default false */
  allowLoopbackOrigins?: boolean;
  /** Bounds for an app's own procedures. @default 100 calls, 1 MiB */
  limits?: { batch?: number; bodyBytes?: number };
  clock?: Clock;
  log?: Log;
}

/** The database does not have the tables that this version needs. */
export class MigrationsPending extends Error {
  override readonly name = "MigrationsPending";
}

async function requireMigrated(store: Store): Promise<void> {
  const { pending, unknown } = await store.query((db) => readMigrationState(db, migrationsFolder));
  if (pending > 0) throw new MigrationsPending(`${pending} migration(s) are pending; run: deno task migrate`);
  if (unknown > 0) {
    throw new MigrationsPending(`the database has ${unknown} migration(s) that this version does not know`);
  }
}

const SECRET_MIN_LENGTH = 32;
const CLOCK_OFFSET_MAX_MS = 30_000;
/** The label under which the key that encrypts signing keys is derived. */
export const SIGNING_KEY_LABEL = "watchword/signing-keys/1";
// Published for twice as long as a JWKS may be cached and an instance may go without reading the keys, before it
// signs; kept for longer than the last token lives that an instance can have signed with it.
export const KEY_PENDING_SECONDS = 720;
const KEY_RETIRED_MARGIN_SECONDS = 120;

/**
 * Builds Watchword over a database: the composition root.
 *
 * @throws TypeError without an issuer, or with an empty audience
 * @throws MigrationsPending when the tables are missing or newer
 * @throws WrongKeyEncryptionSecret when the stored keys were made under another secret
 */
export async function createAuth<
  Claims extends z.ZodObject = z.ZodObject<Record<string, z.ZodUnknown>>,
  Schema extends AppSchema = Record<string, never>,
>(options: AuthOptions<Claims, Schema>) {
  const clock = options.clock ?? systemClock;
  const log = options.log ?? createLog("info");
  const secret = options.keyEncryptionSecret;
  if (secret.length < SECRET_MIN_LENGTH) {
    throw new RangeError(`keyEncryptionSecret must have at least ${SECRET_MIN_LENGTH} characters`);
  }
  const audience = options.audience ?? "watchword";
  const parties = requireParties({
    issuer: options.issuer,
    audience,
    clientId: options.clientId ?? audience,
  });
  const lifetimes = {
    accessSeconds: options.accessTokenTtlSeconds ?? 600,
    refreshIdleSeconds: options.refreshIdleTtlSeconds ?? 2_592_000,
    sessionAbsoluteSeconds: options.sessionAbsoluteTtlSeconds ?? 7_776_000,
  };
  const keyLifetimes = {
    rotationSeconds: options.signingKeyRotationSeconds ?? 2_592_000,
    pendingSeconds: KEY_PENDING_SECONDS,
    retiredSeconds: lifetimes.accessSeconds + KEY_RETIRED_MARGIN_SECONDS,
  };

  const ownClaims = createOwnClaimsCodec(options.claims);
  const store = connect({ databaseUrl: options.databaseUrl });
  const encryptionKey = await deriveAesKey(secret, SIGNING_KEY_LABEL);
  const onIgnored = (kid: string) => log.error("signing key ignored: not made under this secret", { kid });
  const keyRing = createKeyRing({
    read: () => store.query(listSigningKeys),
    encryptionKey,
    clock,
    onIgnored,
  });
  const databaseClock = createDatabaseClock(clock);
  const denylist = createDenylist({
    store,
    clock,
    databaseClock,
    log,
    maxStalenessSeconds: options.revocationMaxStalenessSeconds ?? 5,
    replicaMax: options.denylistReplicaMax ?? 200_000,
  });
  const revocationFeed = options.revocationFeedToken === undefined ? undefined : createRevocationFeed({
    replica: denylist.replica,
    onTick: denylist.onTick,
    clock,
    token: options.revocationFeedToken,
  });
  const upkeep = createUpkeep({ store, keyRing, encryptionKey, keyLifetimes, log });
  try {
    await requireMigrated(store);
    const made = await generateSigningKey(encryptionKey);
    await store.transaction((tx) => ensureActiveSigningKey(tx, made));
    await keyRing.reload();
    await denylist.start();
  } catch (error) {
    denylist.close();
    await store.close();
    throw error;
  }
  upkeep.start();

  const limits = createLimits({
    store,
    clock,
    key: await deriveHmacKey(secret, "watchword/throttle/1"),
    enabled: options.rateLimits ?? true,
  });
  const audit = createAudit({ store, clock, log });
  const accessTokens = createAccessTokens({ keyRing, parties, ownClaims });
  const guard = createGuard({
    accessTokens,
    denylist,
    findCurrentSession: createCurrentSessions(store, clock),
    limits,
    audit,
    clock: databaseClock,
    defaultRevocation: options.revocationCheck ?? "database",
  });
  const hooks = createHookRunner({ hooks: options.hooks, schema: options.schema, log });
  const flowDeps: FlowDeps = {
    store,
    hooks,
    denylist,
    guard,
    limits,
    accessTokens,
    audit,
    log,
    passwords: createPasswords(),
    refreshTokens: await createRefreshTokenCodec(secret),
    settings: {
      lifetimes,
      clientId: parties.clientId,
      refreshLeewaySeconds: options.refreshLeewaySeconds ?? 10,
      refreshReplayWindowSeconds: options.refreshReplayWindowSeconds ?? 86_400,
      registration: options.registration ?? "open",
      passwordMinCodePoints: options.passwordMinLength ?? PASSWORD_MIN_CODE_POINTS,
    },
  };
  const trpcDeps = { guard, log, onTick: denylist.onTick };
  const own = createTrpc<Readonly<Record<string, unknown>>>(trpcDeps);
  const app = createTrpc<z.output<Claims>>(trpcDeps);
  const edgeSettings = {
    allowedOrigins: new Set(options.allowedOrigins ?? []),
    trustedProxyHops: options.trustedProxyHops ?? 0,
  };
  let isClosing = false;

  /** The database answers, its clock and ours agree, and this instance would know of a revocation. */
  async function isReady(): Promise<boolean> {
    if (isClosing) return false;
    const isFresh = await denylist.refresh().then(() => true, () => false);
    if (isFresh && !keyRing.isReady()) await keyRing.reload().catch(() => {});
    return isFresh && keyRing.isReady() && Math.abs(databaseClock.offsetMs()) <= CLOCK_OFFSET_MAX_MS;
  }

  /** Streams to verifiers have no end of their own. */
  function drain(): void {
    isClosing = true;
    revocationFeed?.close();
  }

  async function close(): Promise<void> {
    drain();
    upkeep.stop();
    denylist.close();
    await hooks.settle();
    await audit.settle();
    await store.close();
  }

  return {
    /** The auth router: nest it as `auth` in your own. */
    router: createAuthRouter(own, flowDeps) as AuthRouter,
    /** tRPC's own tools, bound to this context. */
    trpc: {
      router: app.t.router,
      mergeRouters: app.t.mergeRouters,
      createCallerFactory: app.t.createCallerFactory,
    },
    /** For procedures that anyone may call. */
    publicProcedure: app.open({ auth: "public" }, { own: false }),
    /** For procedures with a signed-in caller: checks the bearer and asks the denylist, on every call. */
    protectedProcedure: app.guarded({ auth: "required" }, { own: false }),
    /** For every other policy: optional sign-in, stricter or looser revocation, recent sign-in, roles. */
    procedure: <const P extends CallerPolicy>(policy: P) => app.guarded(policy, { own: false }),
    /**
     * The context for a fetch-style adapter of your own. Never throws for a bad token. Pass its `auth` on as it is: a
     * copy of `auth.request` has no token.
     */
    createContext: createContextFactory(edgeSettings),
    /**
     * The context for tRPC's `applyWSSHandler`. Never throws for a bad token. Over a socket there is no sign-in, no
     * refresh and no step-up. How long a message may be, only the server of the sockets can bound, and `ws` alone lets
     * 100 MiB pass: give it `maxPayload`, such as `16 * 1024` bytes.
     */
    createWsContext: createWsContextFactory({
      guard,
      settings: edgeSettings,
      cors: createCorsPolicy(edgeSettings.allowedOrigins, {
        allowLoopback: options.allowLoopbackOrigins ?? false,
      }),
      clock: databaseClock,
      onTick: denylist.onTick,
    }),
    /**
     * Serves a router that has `router` mounted as `auth`, with its REST facade, JWKS and health beside it.
     *
     * @throws RangeError when the router has a `pathSeparator` of its own
     */
    handler: <Router extends AnyTRPCRouter>(
      appRouter: Router & RequireAuthIn<Router>,
      ...[serve]: ServeOptions<Router>
    ): Handler =>
      createHandler({
        log,
        isReady,
        jwks: keyRing.jwks,
        settings: edgeSettings,
        allowLoopbackOrigins: options.allowLoopbackOrigins ?? false,
        issuer: options.issuer,
        appLimits: {
          batch: options.limits?.batch ?? 100,
          bodyBytes: options.limits?.bodyBytes ?? 1_048_576,
        },
        createContext: serve?.createContext,
        revocationFeed,
      }, appRouter),
    /**
     * Moves signing keys along and deletes what has expired. An instance does so about once a minute by itself;
     * call it from a cron where timers are frozen between requests.
     */
    runUpkeep: upkeep.run,
    /** Turns readiness off; what is under way still finishes. */
    drain,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** What {@link createAuth} builds. */
export type Auth = Awaited<ReturnType<typeof createAuth>>;
