import { assert, assertEquals } from "@std/assert";
import { sql } from "drizzle-orm";
import { connect, type Store } from "../../server/store/connect.ts";
import { isDatabaseUnavailable } from "../../server/store/errors.ts";
import { createTestDatabase } from "../kit/database.ts";
import { startTcpProxy, type TcpProxy } from "../kit/tcp_proxy.ts";
import { eventually, pause } from "./probe_app.ts";

interface Bounded extends AsyncDisposable {
  store: Store;
  proxy: TcpProxy;
  query(): Promise<"answered" | "unavailable">;
}

async function startBounded(): Promise<Bounded> {
  const database = await createTestDatabase();
  const proxy = await startTcpProxy(database.url);
  const store = connect({ databaseUrl: proxy.url });
  return {
    store,
    proxy,
    query: () =>
      store.query((db) => db.execute(sql`select ${1}::int`)).then(() => "answered" as const, (error) => {
        if (!isDatabaseUnavailable(error)) throw error;
        return "unavailable" as const;
      }),
    async [Symbol.asyncDispose]() {
      await proxy.set("pass");
      await store.close();
      await proxy[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

Deno.test("INV-11: while nothing comes back, only some hundred queries wait and the others are refused at once", async () => {
  await using bounded = await startBounded();
  assertEquals(await bounded.query(), "answered");
  await bounded.proxy.set("blackhole");
  let refusedAtOnce = 0;
  let isAtOnce = true;
  const queries = Array.from({ length: 2_000 }, () =>
    bounded.query().then((outcome) => {
      assertEquals(outcome, "unavailable");
      if (isAtOnce) refusedAtOnce++;
    }));
  await pause(500);
  isAtOnce = false;
  await Promise.all(queries);
  assert(refusedAtOnce >= 2_000 - 600, `${2_000 - refusedAtOnce} queries waited`);
});

for (const mode of ["refuse", "reset", "hang up", "blackhole"] as const) {
  Deno.test(`INV-9 ${mode}: five seconds after a return no query fails, and none that waited is still counted`, async () => {
    await using bounded = await startBounded();
    const { proxy, query } = bounded;
    await Promise.all(Array.from({ length: 50 }, query));
    await proxy.set(mode);
    await Promise.all(Array.from({ length: 700 }, query));
    await proxy.set("pass");
    await eventually("a query is answered", 5_000, async () => await query() === "answered");
    await pause(1_000);
    const outcomes = await Promise.all(Array.from({ length: 500 }, query));
    assertEquals(outcomes.filter((outcome) => outcome !== "answered"), []);
  });
}

Deno.test("work of a transaction that has not begun by its deadline never begins", async () => {
  await using bounded = await startBounded();
  assertEquals(await bounded.query(), "answered");
  await bounded.proxy.set("blackhole");
  let begun = 0;
  const works = Array.from({ length: 30 }, () =>
    bounded.store.transaction(() => {
      begun++;
      return Promise.resolve();
    }).then(() => "done", () => "refused"));
  const outcomes = await Promise.all(works);
  await bounded.proxy.set("pass");
  await eventually("a query is answered", 5_000, async () => await bounded.query() === "answered");
  await pause(300);
  assertEquals(begun, outcomes.filter((outcome) => outcome === "done").length);
});

Deno.test("F-10: a database that is slow, but within the deadlines, is waited for", async () => {
  await using bounded = await startBounded();
  // Opening a connection takes many ways there and back, so all of them are opened first.
  await Promise.all(Array.from({ length: 50 }, bounded.query));
  bounded.proxy.delayMs = 200;
  const outcomes = await Promise.all(Array.from({ length: 20 }, bounded.query));
  assertEquals(new Set(outcomes), new Set(["answered"]));
  bounded.proxy.delayMs = 1_500;
  assertEquals(await bounded.query(), "unavailable");
  bounded.proxy.delayMs = 0;
  await eventually("a query is answered", 5_000, async () => await bounded.query() === "answered");
});
