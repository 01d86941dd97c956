import { parseConfig } from "./config.ts";
import { exitWith, readEnvironment, serve } from "./main.ts";
import { print } from "./observe/log.ts";
import { migrate } from "./store/migrate.ts";

/** Ends when dev.ts does, whose pipe this is. */
async function endWithParent(): Promise<never> {
  for await (const _ of Deno.stdin.readable);
  Deno.exit(1);
}

/** The service of `deno task dev`, which starts it with a database and a secret. */
async function serveDev(): Promise<void> {
  void endWithParent();
  const config = parseConfig(readEnvironment(), { mode: "dev" });
  const { DATABASE_URL: databaseUrl = "", KEY_ENCRYPTION_SECRET: keyEncryptionSecret = "" } = config;
  await migrate(databaseUrl);
  const { origin } = await serve({ config, databaseUrl, keyEncryptionSecret, isDev: true });
  if (!Deno.args.includes("--first")) return;
  print(String.raw`
try first:
  curl -s ${origin}/trpc/auth.register -H 'content-type: application/json' -d '{"username":"ada","password":"correct horse battery"}'
  ACCESS_TOKEN=$(curl -s ${origin}/trpc/auth.login -H 'content-type: application/json' -d '{"identifier":"ada","password":"correct horse battery"}' | sed 's/.*"accessToken":"\([^"]*\)".*/\1/')
  curl -s ${origin}/trpc/auth.me -H "authorization: Bearer $ACCESS_TOKEN"
`);
}

if (import.meta.main) await serveDev().catch(exitWith);
