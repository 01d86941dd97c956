import { assert, assertEquals, assertMatch } from "@std/assert";
import { password, type RawAnswer, registerUser, startTestApp } from "../kit/app.ts";
import { requestHead, sendRaw } from "../kit/raw_http.ts";
import { listRoutes, readProblem, restOutcome } from "./rest_calls.ts";

const json = (answer: RawAnswer) => JSON.parse(answer.text);

Deno.test("every procedure of the auth router has one route", async () => {
  await using app = await startTestApp();
  const routes = listRoutes(app);
  const { procedures } = app.auth.router._def as unknown as { procedures: Record<string, unknown> };
  assertEquals(
    routes.map(({ procedure }) => procedure),
    Object.keys(procedures).map((name) => `auth.${name}`),
  );
  const contract = [
    "POST /v1/register 201",
    "POST /v1/login 200",
    "POST /v1/token/refresh 200",
    "POST /v1/logout 200",
    "GET /v1/me 200",
    "POST /v1/step-up 200",
    "GET /v1/sessions 200",
    "DELETE /v1/sessions/{sessionId} 200",
  ];
  const declared = routes.map(({ method, template, status }) => `${method} ${template} ${status}`);
  for (const route of contract) assert(declared.includes(route), route);
});

Deno.test("register, login, me, refresh and logout over REST, as a script would", async () => {
  await using app = await startTestApp();
  const registered = await app.call("/v1/register", { body: { username: "ada", password } });
  assertEquals([registered.status, json(registered).status], [201, "signed_in"]);
  const signedIn = json(await app.call("/v1/login", { body: { identifier: "ada", password } }));
  const me = await app.call("/v1/me", { bearer: signedIn.tokens.accessToken });
  assertEquals([me.status, json(me).user.username, json(me).session.id], [
    200,
    "ada",
    signedIn.tokens.sessionId,
  ]);
  const refreshed = await app.call("/v1/token/refresh", {
    body: { refreshToken: signedIn.tokens.refreshToken },
  });
  const { accessToken, refreshToken, generation } = json(refreshed);
  assertEquals([refreshed.status, generation], [200, 1]);
  assertEquals(json(await app.call("/v1/logout", { method: "POST", bearer: accessToken })), { ok: true });
  assertEquals(restOutcome(await app.call("/v1/me", { bearer: accessToken })), "401 SESSION_REVOKED");
  assertEquals(
    restOutcome(await app.call("/v1/token/refresh", { body: { refreshToken } })),
    "401 SESSION_REVOKED",
  );
});

Deno.test("a session is ended by its address, and nobody else's is found there", async () => {
  await using app = await startTestApp();
  const [ada, bob] = [await registerUser(app, "ada"), await registerUser(app, "bob")];
  const path = `/v1/sessions/${bob.tokens.sessionId}`;
  const end = (bearer: string) => app.call(path, { method: "DELETE", bearer });
  assertEquals(restOutcome(await end(ada.tokens.accessToken)), "404 NOT_FOUND");
  assertEquals((await end(bob.tokens.accessToken)).text, '{"ok":true}');
  assertEquals(
    restOutcome(await app.call("/v1/me", { bearer: bob.tokens.accessToken })),
    "401 SESSION_REVOKED",
  );
});

Deno.test("a problem says its type, title, status, reason and request id, and nothing else (RFC 9457)", async () => {
  await using app = await startTestApp({ issuer: "https://auth.test" });
  const answer = await app.call("/v1/me");
  const requestId = answer.headers.get("x-request-id");
  assertEquals(answer.headers.get("content-type"), "application/problem+json");
  assertEquals(readProblem(answer), {
    type: "https://auth.test/docs#TOKEN_MISSING",
    title: "An access token is required",
    status: 401,
    reason: "TOKEN_MISSING",
    requestId: requestId ?? "",
  });
});

Deno.test("guesses over REST count like those over tRPC, and say when to come again", async () => {
  await using app = await startTestApp({ rateLimits: true });
  const { username } = await registerUser(app);
  const body = { identifier: username, password: "wrong horse battery" };
  for (let guess = 0; guess < 5; guess++) {
    assertEquals(restOutcome(await app.call("/v1/login", { body })), "401 INVALID_CREDENTIALS");
    assertEquals((await app.call("auth.login", { body })).auth?.reason, "INVALID_CREDENTIALS");
  }
  const answer = await app.call("/v1/login", { body: { identifier: username, password } });
  assertEquals(restOutcome(answer), "429 RATE_LIMITED");
  const seconds = readProblem(answer)?.retryAfterSeconds;
  assert(seconds !== undefined && seconds > 0 && seconds <= 900);
  assertEquals(answer.headers.get("retry-after"), String(seconds));
});

Deno.test("a recent sign-in that is asked for is told in seconds", async () => {
  await using app = await startTestApp({
    router: ({ trpc, router, procedure }) =>
      trpc.router({
        auth: router,
        payout: procedure({ auth: "required", maxAgeSeconds: 60 }).meta({ rest: "POST /v1/payout" }).mutation(
          () => "paid",
        ),
      }),
  });
  const { tokens } = await registerUser(app);
  await app.advance(120);
  const answer = await app.call("/v1/payout", { method: "POST", bearer: tokens.accessToken });
  assertEquals([restOutcome(answer), readProblem(answer)?.maxAgeSeconds], ["403 STEP_UP_REQUIRED", 60]);
});

Deno.test("each path names its methods: in Allow with a 405, and in a preflight", async () => {
  const origin = "https://app.example.com";
  await using app = await startTestApp({ allowedOrigins: [origin] });
  const expected: Record<string, string> = {
    "/v1/login": "POST",
    "/v1/token/refresh": "POST",
    "/v1/me": "GET",
    "/v1/sessions": "GET",
    "/v1/sessions/00000000-0000-4000-8000-000000000000": "DELETE",
    "/openapi.json": "GET",
    "/docs": "GET",
  };
  for (const [path, method] of Object.entries(expected)) {
    const preflight = await app.call(path, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": method },
    });
    assertEquals([path, preflight.status, preflight.headers.get("access-control-allow-methods")], [
      path,
      204,
      method,
    ]);
    assertEquals([path, preflight.headers.get("allow")], [path, `${method}, OPTIONS`]);
    for (const other of ["GET", "POST", "PUT", "PATCH", "DELETE"].filter((each) => each !== method)) {
      const answer = await app.call(path, { method: other });
      assertEquals([path, other, restOutcome(answer)], [path, other, "405 METHOD_NOT_ALLOWED"]);
      assertEquals([path, answer.headers.get("allow")], [path, `${method}, OPTIONS`]);
    }
    const head = await sendRaw(app.origin, requestHead("HEAD", path));
    assertEquals([path, head.status, head.text], [path, 405, ""]);
  }
});

Deno.test("an allowed origin may read a problem; a foreign one gets no permission", async () => {
  const origin = "https://app.example.com";
  await using app = await startTestApp({ allowedOrigins: [origin] });
  const read = async (from: string) =>
    (await app.call("/v1/me", { headers: { origin: from } })).headers.get("access-control-allow-origin");
  assertEquals([await read(origin), await read("https://evil.example.com")], [origin, null]);
});

Deno.test("every answer of the facade has the headers of the edge", async () => {
  await using app = await startTestApp({ issuer: "https://auth.test" });
  const ids = new Set<string | null>();
  const paths = ["/v1/me", "/v1/login", "/v1/nowhere", "/openapi.json", "/docs"];
  for (const path of paths) {
    const { headers } = await app.call(path);
    assertEquals([path, headers.get("cache-control")], [path, "no-store"]);
    assertEquals([path, headers.get("x-content-type-options")], [path, "nosniff"]);
    assertEquals([path, headers.get("referrer-policy")], [path, "no-referrer"]);
    assertMatch(headers.get("content-security-policy") ?? "", /default-src 'none'.*frame-ancestors 'none'/);
    assertMatch(headers.get("strict-transport-security") ?? "", /^max-age=\d{7,}/);
    assertMatch(headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/);
    ids.add(headers.get("x-request-id"));
  }
  assertEquals(ids.size, paths.length);
});
