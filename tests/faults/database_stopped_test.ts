import { assertEquals } from "@std/assert";
import { migrate } from "@watchword/server";
import { password, registerUser, startTestApp, type TestApp } from "../kit/app.ts";
import { startTcpProxy, type TcpProxy } from "../kit/tcp_proxy.ts";
import { type OwnServer, startOwnServer } from "./own_server.ts";
import { createProbeRouter, describe, eventually, pause, unavailable } from "./probe_app.ts";

const STALENESS_SECONDS = 2;

interface Stoppable extends AsyncDisposable {
  app: TestApp;
  server: OwnServer;
  proxy: TcpProxy;
}

/** The service on a server that can be stopped. Its port changes with a start, so a proxy stands before it. */
async function startStoppable(): Promise<Stoppable> {
  const server = await startOwnServer();
  await migrate(server.databaseUrl);
  const proxy = await startTcpProxy(server.databaseUrl);
  const app = await startTestApp({
    router: createProbeRouter(),
    databaseUrl: proxy.url,
    revocationMaxStalenessSeconds: STALENESS_SECONDS,
  });
  return {
    app,
    server,
    proxy,
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Walks through an outage: before, within S, after S, and after the return. */
async function walkOutage(
  { app }: Stoppable,
  { begin, end }: { begin: () => Promise<void>; end: () => Promise<void> },
): Promise<void> {
  const { username, tokens } = await registerUser(app);
  const bearer = tokens.accessToken;
  const signIn = () => app.call("auth.login", { body: { identifier: username, password } });
  await begin();
  const beganAt = performance.now();
  const seen = new Set<string>();
  const late: string[] = [];
  while (performance.now() - beganAt < (STALENESS_SECONDS + 3) * 1_000) {
    const askedAt = performance.now() - beganAt;
    const said = describe(await app.call("read", { bearer }));
    seen.add(said);
    if (said === "200" && askedAt > STALENESS_SECONDS * 1_000) late.push(`a call of ${askedAt} ms`);
    await pause(100);
  }
  assertEquals([...seen].filter((said) => said !== "200"), [unavailable]);
  assertEquals(late, []);
  assertEquals(describe(await signIn()), unavailable);
  assertEquals(
    describe(await app.call("auth.refresh", { body: { refreshToken: "none of ours" } })),
    "401 REFRESH_INVALID",
  );
  assertEquals((await app.call("/health/ready")).status, 503);
  await end();
  await eventually("calls and sign-ins succeed again", 5_000, async () => {
    return (await app.call("read", { bearer })).status === 200 && (await signIn()).status === 200;
  });
  assertEquals((await app.call("/health/ready")).status, 200);
}

Deno.test("F-09: a Postgres that is paused is an outage like any other, and nothing of it is left afterwards", async () => {
  await using stoppable = await startStoppable();
  const { server } = stoppable;
  await walkOutage(stoppable, { begin: server.pause, end: server.resume });
});

Deno.test("F-08: a Postgres that is stopped and started again is an outage like any other", async () => {
  await using stoppable = await startStoppable();
  const { server, proxy } = stoppable;
  await walkOutage(stoppable, {
    begin: server.stop,
    async end() {
      await server.start();
      proxy.pointAt(server.databaseUrl);
    },
  });
});
