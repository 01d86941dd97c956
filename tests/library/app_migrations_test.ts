import { assertEquals, assertMatch } from "@std/assert";
import { build, stop } from "esbuild";
import type postgres from "postgres";
import { fileURLToPath } from "node:url";
import { createAuth, createLog, migrate } from "@watchword/server";
import { registerUser, startTestApp, testSecret } from "../kit/app.ts";
import { createEmptyDatabase } from "../kit/database.ts";
import { profiles, todos } from "./app_schema.ts";

const projectFolder = fileURLToPath(new URL("../..", import.meta.url));

/** A folder with an app's schema in it, as Drizzle Kit reads it in the app's own repository. */
async function makeAppFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "watchword-app-" });
  await Deno.symlink(`${projectFolder}node_modules`, `${path}/node_modules`);
  await build({
    entryPoints: [`${projectFolder}tests/library/app_schema.ts`],
    outfile: `${path}/schema.js`,
    alias: { "@watchword/server/schema": `${projectFolder}server/store/schema.ts` },
    bundle: true,
    packages: "external",
    format: "esm",
    platform: "node",
  });
  await stop();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Runs Drizzle Kit as the app's developer does. */
async function runDrizzleKit(
  folder: string,
  command: string,
  settings: Record<string, unknown>,
): Promise<string> {
  const config = { dialect: "postgresql", schema: "./schema.js", out: "./drizzle", ...settings };
  await Deno.writeTextFile(`${folder}/drizzle.config.json`, JSON.stringify(config));
  const { success, stdout, stderr } = await new Deno.Command("node", {
    args: ["node_modules/drizzle-kit/bin.cjs", command, "--config", "drizzle.config.json"],
    cwd: folder,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const output = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  if (!success) throw new Error(output);
  return output;
}

async function listTables(sql: postgres.Sql): Promise<string[]> {
  const rows = await sql`select tablename from pg_tables where schemaname = 'public' order by tablename`;
  return rows.map(({ tablename }) => tablename);
}

Deno.test("an app's own migrations make its tables beside ours, with foreign keys into ours, and drop nothing", async () => {
  await using app = await startTestApp({
    hooks: {
      async beforeRegister({ user, tx }) {
        await tx.insert(profiles).values({ userId: user.id, displayName: user.username ?? "" });
        await tx.insert(todos).values({ ownerId: user.id, title: "look around" });
      },
    },
  });
  const ours = await listTables(app.database.sql);
  await using folder = await makeAppFolder();
  await runDrizzleKit(folder.path, "generate", {});
  const [file = ""] = await Array.fromAsync(Deno.readDir(`${folder.path}/drizzle`), ({ name }) => name)
    .then((names) => names.filter((name) => name.endsWith(".sql")));
  const statements = await Deno.readTextFile(`${folder.path}/drizzle/${file}`);
  assertEquals(statements.match(/(?:CREATE|DROP) \w+ "\w+"/g), [
    'CREATE TABLE "profiles"',
    'CREATE TABLE "todos"',
  ]);
  assertMatch(
    statements,
    /FOREIGN KEY \("owner_id"\) REFERENCES "public"\."users"\("id"\) ON DELETE cascade/,
  );

  await runDrizzleKit(folder.path, "migrate", { dbCredentials: { url: app.database.url } });
  assertEquals(await listTables(app.database.sql), [...ours, "profiles", "todos"].sort());
  const { user } = await registerUser(app, "ada");
  await migrate(app.database.url);
  assertEquals([...await app.database.sql`select owner_id, title from todos`], [
    { owner_id: user.id, title: "look around" },
  ]);
  await app.database.sql`delete from users where id = ${user.id}`;
  assertEquals([...await app.database.sql`select 1 from todos union all select 1 from profiles`], []);
});

Deno.test("an instance starts beside an app's migrations, and neither list hides the other's", async () => {
  await using database = await createEmptyDatabase();
  // The app's list is there first, with a date that is newer than any of ours.
  await database.sql`create schema drizzle`;
  await database.sql`
    create table drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)`;
  await database.sql`
    insert into drizzle.__drizzle_migrations (hash, created_at) values ('of another app', ${
    Date.now() + 1e9
  })`;
  await database.sql`create table notes (id serial primary key, body text not null)`;
  await database.sql`insert into notes (body) values ('kept')`;
  await migrate(database.url);
  const auth = await createAuth({
    databaseUrl: database.url,
    issuer: "http://watchword.test",
    keyEncryptionSecret: testSecret,
    log: createLog("error", () => {}),
  });
  await auth.close();
  assertEquals([...await database.sql`select body from notes`], [{ body: "kept" }]);
  assertEquals([...await database.sql`select hash from drizzle.__drizzle_migrations`], [
    { hash: "of another app" },
  ]);
});

Deno.test("a column that an app adds to our users table stays, and registration goes on", async () => {
  await using app = await startTestApp();
  await app.database.sql`alter table users add column nickname text not null default 'none'`;
  await migrate(app.database.url);
  const { username } = await registerUser(app);
  assertEquals([...await app.database.sql`select username, nickname from users`], [
    { username, nickname: "none" },
  ]);
});
