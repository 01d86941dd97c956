import { assertEquals } from "@std/assert";
import { testSecret } from "../kit/app.ts";
import { createTestDatabase } from "../kit/database.ts";
import { findNode, startHost } from "../hosts/host_process.ts";
import { readFile } from "../house/sources.ts";
import { createAuthClient } from "@watchword/client";
import type { AppRouter } from "../../examples/node_express/server.ts";
import { findFreePort } from "../kit/free_port.ts";

const fileOf = (path: string) => decodeURIComponent(new URL(path, import.meta.url).pathname);

Deno.test("examples/node_express: an Express app in Node has accounts, and a procedure for those who have one", async () => {
  await using database = await createTestDatabase();
  await using host = await startHost({
    command: await findNode("26.10.0"),
    args: ["--import", fileOf("resolve_workspace.ts"), fileOf("../../examples/node_express/server.ts")],
    env: { DATABASE_URL: database.url, KEY_ENCRYPTION_SECRET: testSecret, PORT: `${findFreePort()}` },
  });
  using auth = createAuthClient<AppRouter>({ url: `${host.origin}/api/trpc` });
  const result = await auth.register({ username: "ada", password: "correct horse battery" });
  const userId = result.status === "signed_in" ? result.user.id : result.status;
  assertEquals(await auth.trpc.greeting.query(), `Hello, ${userId}`);
  await auth.logout();
  const refused = await fetch(`${host.origin}/api/trpc/greeting`);
  assertEquals([refused.status, (await refused.json()).error.data.auth.reason], [401, "TOKEN_MISSING"]);
  assertEquals(await (await fetch(host.origin)).text(), "An Express app");
  assertEquals((await host.stop()).code, 0, host.output());
});

Deno.test("examples/node_express: it asks for the versions that it was tried with", async () => {
  const { dependencies } = JSON.parse(await readFile("examples/node_express/package.json"));
  const { imports } = JSON.parse(await readFile("deno.json"));
  const { version } = JSON.parse(await readFile("server/deno.json"));
  for (const [name, range] of Object.entries<string>(dependencies)) {
    const tried = name === "@watchword/server" ? version : imports[name].split("@").at(-1);
    assertEquals([name, range], [name, `^${tried}`]);
  }
});
