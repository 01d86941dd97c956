import { fileURLToPath } from "node:url";
import { drizzle } from "drizzle-orm/postgres-js";
import { migrate as migrateOwn } from "drizzle-orm/postgres-js/migrator";
import postgres from "postgres";
import { migrate } from "@watchword/server";
import { requireSetting } from "./require_setting.ts";

const databaseUrl = requireSetting("DATABASE_URL");
// Watchword's tables first, because ours refer to them. Each keeps a list of its own of what was applied.
await migrate(databaseUrl);
const client = postgres(databaseUrl, { max: 1, onnotice: () => {} });
const migrationsFolder = fileURLToPath(new URL("../migrations", import.meta.url));
await migrateOwn(drizzle(client), { migrationsFolder });
await client.end();
