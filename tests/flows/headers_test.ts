import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { type RawAnswer, registerUser, startTestApp, type TestApp } from "../kit/app.ts";

/** One answer of each kind: success, refusals of the edge, of the input, of a guard, of a flow. */
async function collectAnswers(app: TestApp): Promise<Record<string, RawAnswer>> {
  const { tokens } = await registerUser(app);
  return {
    me: await app.call("auth.me", { bearer: tokens.accessToken }),
    refresh: await app.call("auth.refresh", { body: { refreshToken: tokens.refreshToken } }),
    login: await app.call("auth.login", {
      body: { identifier: "nobody", password: "correct horse battery" },
    }),
    noToken: await app.call("auth.me"),
    badInput: await app.call("auth.login", { body: {} }),
    noBodyType: await app.call("auth.login", { rawBody: "{}" }),
    unknown: await app.call("auth.nothing"),
    unknownPath: await app.call("/nowhere"),
    method: await app.call("auth.me", { method: "DELETE" }),
    batch: await app.call("auth.me,auth.sessions.list?batch=1", { bearer: tokens.accessToken }),
    live: await app.call("/health/live"),
    jwks: await app.call("/.well-known/jwks.json"),
    preflight: await app.call("auth.me", { method: "OPTIONS" }),
  };
}

Deno.test("R-42: every answer but the key set is not to be stored", async () => {
  await using app = await startTestApp();
  for (const [kind, { headers }] of Object.entries(await collectAnswers(app))) {
    const expected = kind === "jwks" ? "public, max-age=300" : "no-store";
    assertEquals([kind, headers.get("cache-control")], [kind, expected]);
  }
});

Deno.test("every answer has a request id of its own, and an error repeats it in the body", async () => {
  await using app = await startTestApp();
  const answers = await collectAnswers(app);
  const ids = Object.values(answers).map(({ headers }) => headers.get("x-request-id") ?? "");
  for (const id of ids) assertMatch(id, /^[0-9a-f-]{36}$/);
  assertEquals(new Set(ids).size, ids.length);
  for (const [kind, { auth, text, headers }] of Object.entries(answers)) {
    if (auth === undefined) continue;
    assertEquals([kind, JSON.parse(text).error.data.requestId], [kind, headers.get("x-request-id")]);
  }
});

Deno.test("a request id is the service's own, whatever the client sends", async () => {
  await using app = await startTestApp();
  const { headers } = await app.call("auth.me", { headers: { "x-request-id": "chosen-by-the-client" } });
  assertNotEquals(headers.get("x-request-id"), "chosen-by-the-client");
});

Deno.test("a refusal can be found in the log by the request id of its answer", async () => {
  await using app = await startTestApp();
  const { headers } = await app.call("auth.me");
  const line = app.logs.find((entry) => entry.includes(headers.get("x-request-id") ?? "none"));
  assertEquals(JSON.parse(line ?? "{}").reason, "TOKEN_MISSING");
});

Deno.test("R-75: every answer forbids sniffing, framing and referrers", async () => {
  await using app = await startTestApp();
  for (const [kind, { headers }] of Object.entries(await collectAnswers(app))) {
    assertEquals([kind, headers.get("x-content-type-options")], [kind, "nosniff"]);
    assertEquals([kind, headers.get("referrer-policy")], [kind, "no-referrer"]);
    assertMatch(headers.get("content-security-policy") ?? "", /frame-ancestors 'none'/);
    assertEquals([kind, headers.get("strict-transport-security")], [kind, null]);
  }
});

Deno.test("R-75: a service reached over TLS asks for TLS", async () => {
  await using app = await startTestApp({ issuer: "https://watchword.test" });
  const { headers } = await app.call("/health/live");
  assertMatch(headers.get("strict-transport-security") ?? "", /^max-age=\d{7,}/);
});

Deno.test("R-41: every 401 carries WWW-Authenticate: Bearer, and nothing else does", async () => {
  await using app = await startTestApp();
  for (const [kind, { status, headers }] of Object.entries(await collectAnswers(app))) {
    assertEquals([kind, headers.get("www-authenticate")?.split(" ")[0]], [
      kind,
      status === 401 ? "Bearer" : undefined,
    ]);
  }
});

Deno.test("R-41: WWW-Authenticate blames the token only when one was sent", async () => {
  await using app = await startTestApp();
  const ask = async (authorization?: string) =>
    (await app.call("auth.me", { headers: authorization ? { authorization } : {} })).headers.get(
      "www-authenticate",
    );
  assertEquals(await ask(), "Bearer");
  assertMatch(await ask("Bearer garbage") ?? "", /error="invalid_token"/);
  assertEquals(await ask("Basic YTpi"), "Bearer");
});

Deno.test("R-83: an error holds code, status, reason and request id, and no stack or path of a file", async () => {
  await using app = await startTestApp();
  for (const [kind, { auth, text }] of Object.entries(await collectAnswers(app))) {
    if (auth === undefined) continue;
    const { error } = JSON.parse(text);
    const names = Object.keys(error.data).filter((name) => name !== "path").sort();
    assertEquals([kind, names], [kind, ["auth", "code", "httpStatus", "requestId"]]);
    assert(!/stack|file:|\.ts|node_modules/.test(text), text);
  }
});
