import process from "node:process";
import { type Config, ConfigError, parseConfig } from "./config.ts";
import { createAuth, MigrationsPending } from "./create_auth.ts";
import { createLog, describeBug, print } from "./observe/log.ts";
import { createServiceRouter } from "./service_router.ts";
import { WrongKeyEncryptionSecret } from "./tokens/signing_key.ts";

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
  const { config, databaseUrl, keyEncryptionSecret, isDev, afterStop } = options;
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
    await afterStop?.();
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

/** Ends the process with one clear line for what an operator can mend, and a stack for the rest. */
export function exitWith(error: unknown): never {
  const isPlain = error instanceof ConfigError || error instanceof MigrationsPending ||
    error instanceof WrongKeyEncryptionSecret || error instanceof Deno.errors.AddrInUse ||
    (error instanceof Error && error.name === "DataDirInUse");
  print(
    `watchword: ${isPlain && error instanceof Error ? error.message : JSON.stringify(describeBug(error))}`,
  );
  process.exit(1);
}

async function main(): Promise<void> {
  const config = parseConfig(Deno.env.toObject(), { mode: "start" });
  await serve({
    config,
    databaseUrl: config.DATABASE_URL ?? "",
    keyEncryptionSecret: config.KEY_ENCRYPTION_SECRET ?? "",
    isDev: false,
  });
}

if (import.meta.main) await main().catch(exitWith);
