import { assertEquals } from "@std/assert";
import type { ConnectionInfo } from "@watchword/server";
import { startTestApp } from "../kit/app.ts";

const connections: Record<string, ConnectionInfo> = {
  "Deno.serve": { remoteAddr: { hostname: "192.0.2.7" } },
  "a bridge for Node's http": { incoming: { socket: { remoteAddress: "::ffff:192.0.2.7" } } },
  "Bun.serve": { requestIP: () => ({ address: "192.0.2.7" }) },
};

Deno.test("the client's address is read from what each host passes beside the request", async () => {
  await using app = await startTestApp();
  const handler = app.auth.handler(app.auth.trpc.router({
    address: app.auth.publicProcedure.query(({ ctx }) => ctx.auth.request.ip),
  }));
  for (const [host, connection] of Object.entries(connections)) {
    const response = await handler(new Request("http://app.test/trpc/address"), connection);
    assertEquals([host, (await response.json()).result.data], [host, "192.0.2.7"]);
  }
  assertEquals(app.logs.filter((line) => line.includes("no client address")), []);
});

Deno.test("a host that passes no address is told so in the log, once", async () => {
  await using app = await startTestApp();
  const handler = app.auth.handler(app.auth.trpc.router({ auth: app.auth.router }));
  for (let call = 0; call < 3; call++) await handler(new Request("http://app.test/health/live"));
  assertEquals(app.logs.filter((line) => line.includes("no client address")).length, 1);
});
