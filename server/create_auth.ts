import type { AnyTRPCRouter } from "@trpc/server";
import { PASSWORD_MIN_CODE_POINTS } from "@watchword/shared";
import { type Clock, systemClock } from "./clock.ts";
import { createDatabaseClock } from "./database_clock.ts";
import { createDenylist } from "./denylist/denylist.ts";
import type { FlowDeps } from "./flows/deps.ts";
import { createGuard } from "./guard.ts";
import { createCorsPolicy } from "./http/cors.ts";
import { createHandler, type Handler } from "./http/handler.ts";
import { createLog, type Log } from "./observe/log.ts";
import { createPasswords } from "./passwords/passwords.ts";
import { createAuthRouter } from "./router.ts";
import { connect, type Store } from "./store/connect.ts";
import { readMigrationState } from "./store/migrate.ts";
import { ensureActiveSigningKey, listSigningKeys } from "./store/signing_keys.ts";
import { readDatabaseTime } from "./store/sql_time.ts";
import { createLimits } from "./throttle/limits.ts";
import { createAccessTokens } from "./tokens/access_token.ts";
import { deriveAesKey, deriveHmacKey } from "./tokens/derive_key.ts";
import { createKeyRing, generateSigningKey, type KeyRing } from "./tokens/key_ring.ts";
import { createRefreshTokenCodec } from "./tokens/refresh_token.ts";
import { createTrpc } from "./trpc.ts";

/** Settings of {@link createAuth}. Only the first three are required. */
export interface AuthOptions {
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

/** Where the SQL of `migrations/` is. */
export const migrationsFolder = decodeURIComponent(new URL("../migrations", import.meta.url).pathname);

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

async function loadKeys(store: Store, keyRing: KeyRing, encryptionKey: CryptoKey): Promise<void> {
  const made = await generateSigningKey(encryptionKey);
  await store.transaction((tx) => ensureActiveSigningKey(tx, made));
  await keyRing.load(await store.query(listSigningKeys));
}

/**
 * Builds Watchword over a database: the composition root.
 *
 * @throws MigrationsPending when the tables are missing or newer
 * @throws WrongKeyEncryptionSecret when the stored keys were made under another secret
 */
export async function createAuth(options: AuthOptions) {
  const clock = options.clock ?? systemClock;
  const log = options.log ?? createLog("info");
  const secret = options.keyEncryptionSecret;
  const audience = options.audience ?? "watchword";
  const parties = { issuer: options.issuer, audience, clientId: options.clientId ?? audience };

  const store = connect({ databaseUrl: options.databaseUrl });
  const encryptionKey = await deriveAesKey(secret, "watchword/signing-keys/1");
  const keyRing = createKeyRing(encryptionKey);
  const databaseClock = createDatabaseClock(clock);
  try {
    await requireMigrated(store);
    await loadKeys(store, keyRing, encryptionKey);
    const sentAt = clock.now();
    databaseClock.observe(await store.query(readDatabaseTime), sentAt);
  } catch (error) {
    await store.close();
    throw error;
  }

  const limits = createLimits({
    store,
    clock,
    key: await deriveHmacKey(secret, "watchword/throttle/1"),
    enabled: options.rateLimits ?? true,
  });
  const accessTokens = createAccessTokens(keyRing, parties);
  const guard = createGuard({ accessTokens, denylist: createDenylist(store), limits, clock: databaseClock });
  const flowDeps: FlowDeps = {
    store,
    guard,
    limits,
    accessTokens,
    log,
    passwords: createPasswords(),
    refreshTokens: await createRefreshTokenCodec(secret),
    settings: {
      clientId: parties.clientId,
      lifetimes: {
        accessSeconds: options.accessTokenTtlSeconds ?? 600,
        refreshIdleSeconds: options.refreshIdleTtlSeconds ?? 2_592_000,
        sessionAbsoluteSeconds: options.sessionAbsoluteTtlSeconds ?? 7_776_000,
      },
      refreshLeewaySeconds: options.refreshLeewaySeconds ?? 10,
      refreshReplayWindowSeconds: options.refreshReplayWindowSeconds ?? 86_400,
      registration: options.registration ?? "open",
      passwordMinCodePoints: options.passwordMinLength ?? PASSWORD_MIN_CODE_POINTS,
    },
  };
  const trpc = createTrpc({ guard, log });
  let isClosing = false;

  async function isReady(): Promise<boolean> {
    if (isClosing) return false;
    return await store.query(readDatabaseTime, 1_000).then(() => true, () => false);
  }

  async function close(): Promise<void> {
    isClosing = true;
    await store.close();
  }

  return {
    /** The auth router: nest it as `auth` in your own. */
    router: createAuthRouter(trpc, flowDeps),
    /** tRPC's own tools, bound to this context: `router`, `mergeRouters`, `createCallerFactory`. */
    trpc: {
      router: trpc.t.router,
      mergeRouters: trpc.t.mergeRouters,
      createCallerFactory: trpc.t.createCallerFactory,
    },
    /** For procedures that anyone may call. */
    publicProcedure: trpc.app.publicProcedure,
    /** For procedures with a signed-in caller: checks the bearer and asks the denylist, on every call. */
    protectedProcedure: trpc.app.protectedProcedure,
    /** Serves a router that has `router` mounted as `auth`, with JWKS and health beside it. */
    handler: (appRouter: AnyTRPCRouter): Handler =>
      createHandler({
        log,
        isReady,
        jwks: keyRing.jwks,
        cors: createCorsPolicy(options.allowedOrigins ?? [], {
          allowLoopback: options.allowLoopbackOrigins ?? false,
        }),
        trustedProxyHops: options.trustedProxyHops ?? 0,
        isSecure: options.issuer.startsWith("https:"),
        appLimits: {
          batch: options.limits?.batch ?? 100,
          bodyBytes: options.limits?.bodyBytes ?? 1_048_576,
        },
      }, appRouter),
    /** Turns readiness off; what is under way still finishes. */
    drain(): void {
      isClosing = true;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** What {@link createAuth} builds. */
export type Auth = Awaited<ReturnType<typeof createAuth>>;
