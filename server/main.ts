import process from "node:process";
import { type Config, environmentNames, parseConfig } from "./config.ts";
import { createAuth } from "./create_auth.ts";
import { createLog, describeBug, print } from "./observe/log.ts";
import { createServiceRouter } from "./service_router.ts";
import { isDatabaseUnavailable, isTableMissing } from "./store/errors.ts";

const SHUTDOWN_MAX_MS = 10_000;

/** What the service adds to its configuration. */
export interface ServeOptions {
  config: Config;
  databaseUrl: string;
  keyEncryptionSecret: string;
  isDev: boolean;
  /** Runs when the service has stopped. */
  afterStop?: () => Promise<void>;
}

/** Serves until SIGTERM or SIGINT: then readiness goes off, what is under way finishes, and the process ends. */
export async function serve(options: ServeOptions): Promise<{ origin: string }> {
  const { config, databaseUrl, keyEncryptionSecret, isDev } = options;
  const log = createLog(config.LOG_LEVEL);
  let open!: (handle: Deno.ServeHandler<Deno.NetAddr>) => void;
  const opened = new Promise<Deno.ServeHandler<Deno.NetAddr>>((resolve) => open = resolve);
  const server = Deno.serve(
    { hostname: config.HOST, port: config.PORT, onListen: () => {} },
    async (request, info) => (await opened)(request, info),
  );
  const host = config.HOST.includes(":") ? `[${config.HOST}]` : config.HOST;
  const origin = `http://${host}:${server.addr.port}`;
  const auth = await createAuth({
    databaseUrl,
    keyEncryptionSecret,
    log,
    issuer: config.ISSUER ?? origin,
    audience: config.AUDIENCE,
    accessTokenTtlSeconds: config.ACCESS_TOKEN_TTL_SECONDS,
    refreshIdleTtlSeconds: config.REFRESH_IDLE_TTL_SECONDS,
    sessionAbsoluteTtlSeconds: config.SESSION_ABSOLUTE_TTL_SECONDS,
    refreshLeewaySeconds: config.REFRESH_LEEWAY_SECONDS,
    refreshReplayWindowSeconds: config.REFRESH_REPLAY_WINDOW_SECONDS,
    revocationMaxStalenessSeconds: config.REVOCATION_MAX_STALENESS_SECONDS,
    revocationCheck: config.REVOCATION_CHECK,
    ...(config.REVOCATION_FEED_TOKEN ? { revocationFeedToken: config.REVOCATION_FEED_TOKEN } : {}),
    signingKeyRotationSeconds: config.SIGNING_KEY_ROTATION_SECONDS,
    registration: config.REGISTRATION,
    passwordMinLength: config.PASSWORD_MIN_LENGTH,
    rateLimits: config.RATE_LIMITS === "on",
    trustedProxyHops: config.TRUSTED_PROXY_HOPS,
    allowedOrigins: config.ALLOWED_ORIGINS,
    allowLoopbackOrigins: isDev,
  });
  open(auth.handler(createServiceRouter(auth)));

  let isStopping = false;
  async function stop(): Promise<void> {
    if (isStopping) return;
    isStopping = true;
    auth.drain();
    const timer = setTimeout(() => process.exit(1), SHUTDOWN_MAX_MS);
    await server.shutdown();
    await auth.close();
    clearTimeout(timer);
    log.info("stopped");
    process.exit(0);
  }
  for (const signal of ["SIGTERM", "SIGINT"] as const) Deno.addSignalListener(signal, () => void stop());
  // The last resort: a promise that nobody awaited is a bug, but no reason to drop everybody's requests.
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    log.error("unhandled rejection", describeBug(event.reason));
  });

  print(`listening on ${origin}`);
  return { origin };
}

/** Reads the settings name by name: the sandbox of `start` grants no other. */
export function readEnvironment(): Record<string, string | undefined> {
  return Object.fromEntries(environmentNames.map((name) => [name, Deno.env.get(name)]));
}

// What an operator can mend; the text of anything else may hold SQL parameters.
const plainErrors =
  /^(?:ConfigError|MigrationsPending|WrongKeyEncryptionSecret|EmbeddedPostgresFailed|AddrInUse|AddrNotAvailable)$/;

function describeExit(error: unknown): string {
  if (error instanceof Error && plainErrors.test(error.name)) return error.message;
  // The driver asks the machine who runs this, and the sandbox of `start` does not let it.
  if (error instanceof Deno.errors.NotCapable && error.stack?.includes("osUsername")) {
    return "DATABASE_URL must name its user, as postgres://user@host/database, or PGUSER must";
  }
  if (isTableMissing(error)) return "the database has no tables of this version; run: deno task migrate";
  if (isDatabaseUnavailable(error)) return "the database of DATABASE_URL cannot be reached";
  return JSON.stringify(describeBug(error));
}

/** Ends the process with one clear line for what an operator can mend, and a stack for the rest. */
export function exitWith(error: unknown): never {
  print(`watchword: ${describeExit(error)}`);
  process.exit(1);
}

async function main(): Promise<void> {
  const config = parseConfig(readEnvironment(), { mode: "start" });
  await serve({
    config,
    databaseUrl: config.DATABASE_URL ?? "",
    keyEncryptionSecret: config.KEY_ENCRYPTION_SECRET ?? "",
    isDev: false,
  });
}

if (import.meta.main) await main().catch(exitWith);
