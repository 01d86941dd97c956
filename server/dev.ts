import { resolve } from "node:path";
import { parseConfig } from "./config.ts";
import { migrationsFolder } from "./create_auth.ts";
import { exitWith, serve } from "./main.ts";
import { print } from "./observe/log.ts";
import { readOrCreateSecret, startEmbeddedPostgres } from "./store/embedded_postgres.ts";
import { migrate } from "./store/migrate.ts";

async function dev(): Promise<void> {
  const config = parseConfig(Deno.env.toObject(), { mode: "dev" });
  const dataDir = resolve(config.DATA_DIR);
  const embedded = config.DATABASE_URL === undefined ? await startEmbeddedPostgres({ dataDir }) : undefined;
  const databaseUrl = config.DATABASE_URL ?? embedded?.databaseUrl ?? "";
  await migrate(databaseUrl, migrationsFolder);
  if (config.KEY_ENCRYPTION_SECRET === undefined) await Deno.mkdir(dataDir, { recursive: true });
  const keyEncryptionSecret = config.KEY_ENCRYPTION_SECRET ??
    await readOrCreateSecret(`${dataDir}/key_encryption_secret`);
  const { origin } = await serve({
    config,
    databaseUrl,
    keyEncryptionSecret,
    isDev: true,
    ...(embedded ? { afterStop: embedded.stop } : {}),
  });
  print(`
try first:
  curl -s ${origin}/trpc/auth.register -H 'content-type: application/json' -d '{"username":"ada","password":"correct horse battery"}'
  curl -s ${origin}/trpc/auth.me -H "authorization: Bearer $ACCESS_TOKEN"
`);
}

if (import.meta.main) await dev().catch(exitWith);
