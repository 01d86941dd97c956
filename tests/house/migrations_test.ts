import { assertEquals } from "@std/assert";
import { generateDrizzleJson, generateMigration } from "drizzle-kit/api";
import * as schema from "../../server/store/schema.ts";
import { listFiles, readFile } from "./sources.ts";

interface Journal {
  entries: { idx: number; when: number; tag: string }[];
}

const { entries } = JSON.parse(await readFile("migrations/meta/_journal.json")) as Journal;

Deno.test("the journal and the files of migrations/ are the same list, in the order of their time", async () => {
  const files = (await listFiles()).filter((path) => /^migrations\/.*\.sql$/.test(path));
  assertEquals(files, entries.map(({ tag }) => `migrations/${tag}.sql`));
  assertEquals(entries.map(({ idx }) => idx), entries.map((_, index) => index));
  // The migrator skips, in silence, what is older than the last one it applied.
  assertEquals(entries, entries.toSorted((a, b) => a.when - b.when));
});

Deno.test("migrations are named by intent", () => {
  assertEquals(entries.filter(({ tag }) => !/^\d{4}_[a-z]+(?:_[a-z]+)+$/.test(tag)), []);
});

Deno.test("schema.ts asks for nothing that the migrations do not make", async () => {
  const prefix = entries.at(-1)?.tag.slice(0, 4);
  const last = JSON.parse(await readFile(`migrations/meta/${prefix}_snapshot.json`));
  assertEquals(await generateMigration(last, generateDrizzleJson(schema, last.id)), []);
});
