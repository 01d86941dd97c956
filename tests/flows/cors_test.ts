import { assert, assertEquals } from "@std/assert";
import { startTestApp, type TestApp } from "../kit/app.ts";

const allowed = "https://app.example.com";

const preflight = (app: TestApp, origin: string) =>
  app.call("auth.login", {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,content-type",
    },
  });

Deno.test("R-74: a preflight of an allowed origin is granted exactly what the client needs", async () => {
  await using app = await startTestApp({ allowedOrigins: [allowed, "https://admin.example.com"] });
  const { status, headers } = await preflight(app, allowed);
  assertEquals(status, 204);
  assertEquals(headers.get("access-control-allow-origin"), allowed);
  assertEquals(headers.get("access-control-allow-methods")?.split(/, */).sort(), ["GET", "POST"]);
  const names = headers.get("access-control-allow-headers")?.toLowerCase().split(/, */) ?? [];
  for (const name of ["authorization", "content-type", "x-watchword-mode"]) {
    assert(names.includes(name), name);
  }
});

Deno.test("R-74: an allowed origin may read the answer, its request id and when to come again", async () => {
  await using app = await startTestApp({ allowedOrigins: [allowed] });
  for (const path of ["auth.me", "/health/live", "/nowhere"]) {
    const { headers } = await app.call(path, { headers: { origin: allowed } });
    assertEquals([path, headers.get("access-control-allow-origin")], [path, allowed]);
    const exposed = headers.get("access-control-expose-headers")?.toLowerCase() ?? "";
    for (const name of ["x-request-id", "retry-after"]) assert(exposed.includes(name), name);
  }
});

Deno.test("A-106: a foreign origin gets no permission, in whatever way it resembles an allowed one", async () => {
  await using app = await startTestApp({ allowedOrigins: [allowed] });
  const foreign = [
    "https://evil.example.com",
    "http://app.example.com",
    "https://app.example.com.evil.test",
    "https://app.example.com:8443",
    "https://APP.example.com",
    "https://app.example.com/",
    "null",
    "*",
    "http://localhost:5173",
  ];
  for (const origin of foreign) {
    for (
      const { headers } of [await preflight(app, origin), await app.call("auth.me", { headers: { origin } })]
    ) {
      assertEquals([origin, headers.get("access-control-allow-origin")], [origin, null]);
      assertEquals([origin, headers.get("access-control-allow-methods")], [origin, null]);
    }
  }
});

Deno.test("A-106: without a list no origin is allowed", async () => {
  await using app = await startTestApp();
  const { headers } = await app.call("auth.me", { headers: { origin: "http://localhost:5173" } });
  assertEquals(headers.get("access-control-allow-origin"), null);
});

Deno.test("in development any loopback origin is allowed, and none that only looks like one", async () => {
  await using app = await startTestApp({ allowLoopbackOrigins: true });
  for (
    const origin of [
      "http://localhost:5173",
      "http://127.0.0.1:3000",
      "http://[::1]:8080",
      "http://localhost",
    ]
  ) {
    assertEquals((await preflight(app, origin)).headers.get("access-control-allow-origin"), origin);
  }
  for (
    const origin of ["http://localhost.evil.test", "http://127.0.0.1.evil.test", "http://evil-localhost:80"]
  ) {
    assertEquals([origin, (await preflight(app, origin)).headers.get("access-control-allow-origin")], [
      origin,
      null,
    ]);
  }
});

Deno.test("R-74: bearer mode never allows credentials, and never an origin by a star", async () => {
  await using app = await startTestApp({ allowLoopbackOrigins: true });
  const { headers } = await app.call("auth.me", { headers: { origin: "http://localhost:5173" } });
  assertEquals(headers.get("access-control-allow-credentials"), null);
  assertEquals(headers.get("access-control-allow-origin"), "http://localhost:5173");
});

Deno.test("R-74: every answer varies by origin, so no cache mixes origins up", async () => {
  await using app = await startTestApp({ allowedOrigins: [allowed] });
  for (const origin of [undefined, allowed, "https://evil.example.com"]) {
    const { headers } = await app.call("auth.me", { headers: origin ? { origin } : {} });
    assert(/(^|,)\s*origin\s*(,|$)/i.test(headers.get("vary") ?? ""), headers.get("vary") ?? "no vary");
  }
});
