import { parseConfig } from "./config.ts";
import { exitWith, readEnvironment } from "./main.ts";
import { print } from "./observe/log.ts";
import { migrate } from "./store/migrate.ts";

async function main(): Promise<void> {
  const { DATABASE_URL } = parseConfig(readEnvironment(), { mode: "migrate" });
  await migrate(DATABASE_URL ?? "");
  print("migrations are applied");
}

if (import.meta.main) await main().catch(exitWith);
