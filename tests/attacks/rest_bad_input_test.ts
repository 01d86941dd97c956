import { assert, assertEquals } from "@std/assert";
import { password, type RawAnswer, registerUser, startTestApp, testSecret } from "../kit/app.ts";
import { takeSnapshot } from "../kit/database_snapshot.ts";
import { requestHead, sendRaw } from "../kit/raw_http.ts";
import { listReasons } from "../../server/http/rest_reasons.ts";
import { listRoutes, readProblem, restOutcome } from "../flows/rest_calls.ts";
import { type BadInput, canary, type Shot, type Victim } from "./bad_input/bad_input.ts";
import { bearerCases } from "./bad_input/bearer_cases.ts";
import { bodyCases } from "./bad_input/body_cases.ts";
import { inputCases } from "./bad_input/input_cases.ts";

const routes: Record<string, { method: string; path: string }> = {
  "auth.register": { method: "POST", path: "/v1/register" },
  "auth.login": { method: "POST", path: "/v1/login" },
  "auth.refresh": { method: "POST", path: "/v1/token/refresh" },
  "auth.logout": { method: "POST", path: "/v1/logout" },
  "auth.me": { method: "GET", path: "/v1/me" },
  "auth.stepUp": { method: "POST", path: "/v1/step-up" },
  "auth.sessions.revoke": { method: "DELETE", path: "/v1/sessions/" },
};

/** A shot at tRPC, aimed at the same procedure over REST; null where REST has no such thing. */
function aimAtRest(shot: Shot, { tokens }: Victim): Shot | null {
  if ("raw" in shot) {
    const [head, ...rest] = shot.raw;
    if (typeof head !== "string") return null;
    return {
      raw: [head.replace(/\/trpc\/(auth\.\w+)/, (_, name: string) => routes[name]?.path ?? ""), ...rest],
    };
  }
  const route = routes[shot.path];
  if (route === undefined) return null;
  if (shot.path !== "auth.sessions.revoke") return { ...shot, method: route.method, path: route.path };
  // The id is in the path; what else was wrong with the input is in the body.
  const { body, ...rest } = shot;
  const id = (body as { sessionId?: unknown } | undefined)?.sessionId;
  return typeof id === "string" ? { ...rest, method: "DELETE", path: route.path + id } : {
    ...rest,
    method: "DELETE",
    path: route.path + tokens.sessionId,
    ...(body === undefined ? {} : { body }),
  };
}

type Answer = Pick<RawAnswer, "status" | "headers" | "text">;

const leaks = [
  ...[canary, testSecret, "    at ", ".ts:", "file://", "node_modules", "select ", "insert into", "postgres"],
  ...["ZodError", "SyntaxError", "invalid_type", "Unexpected", "password_hash", "polluted"],
];

async function assertRefused(victim: Victim, { shot, answer, executed }: BadInput): Promise<Answer | null> {
  const { app, tokens } = victim;
  const aimed = aimAtRest(shot(victim), victim);
  if (aimed === null) return null;
  const options = { except: executed ? ["audit_events"] : [] };
  const before = await takeSnapshot(app.database, options);
  const logCount = app.logs.length;
  const got = "raw" in aimed ? await sendRaw(app.origin, ...aimed.raw) : await app.call(aimed.path, aimed);
  assertEquals(restOutcome(got as RawAnswer), answer);
  assertEquals(await takeSnapshot(app.database, options), before);
  const secrets = [...leaks, tokens.accessToken, tokens.refreshToken];
  const said = `${got.text}\n${JSON.stringify([...got.headers])}`;
  const logged = app.logs.slice(logCount).join("\n");
  assertEquals(secrets.filter((secret) => said.includes(secret) || logged.includes(secret)), []);
  assertEquals(got.headers.get("cache-control"), "no-store");
  assertEquals(readProblem(got as RawAnswer)?.status, got.status);
  return got;
}

async function startVictim(): Promise<Victim> {
  const app = await startTestApp();
  const { username, tokens } = await registerUser(app);
  return { app, username, tokens };
}

Deno.test("bad input of every kind gets over REST what it gets over tRPC: its one answer, and nothing changed", async (t) => {
  const victim = await startVictim();
  await using app = victim.app;
  let shots = 0;
  for (const badInput of [...inputCases, ...bodyCases, ...bearerCases]) {
    await t.step(`${badInput.name}: ${badInput.answer}`, async () => {
      if (await assertRefused(victim, badInput) !== null) shots++;
    });
  }
  assert(shots > 250, `only ${shots} cases have a counterpart`);
  assertEquals("polluted" in {}, false);
  const refreshed = await app.call("/v1/token/refresh", {
    body: { refreshToken: victim.tokens.refreshToken },
  });
  assertEquals(refreshed.status, 200);
});

Deno.test("no refusal has a reason that its operation does not list", async () => {
  const victim = await startVictim();
  await using app = victim.app;
  const listed = new Map(listRoutes(app).map((route) => [route.procedure, listReasons(route) as string[]]));
  for (const badInput of [...inputCases, ...bodyCases, ...bearerCases]) {
    const shot = badInput.shot(victim);
    const procedure = "raw" in shot ? "auth.login" : shot.path;
    if (!routes[procedure] || "raw" in shot) continue;
    const reason = badInput.answer.slice(4);
    assert(listed.get(procedure)?.includes(reason), `${procedure} does not list ${reason}`);
  }
});

const strays = [
  ...["/v1", "/v1/", "/v1//me", "//v1/me", "/v1/me/", "/V1/me", "/v1/Me", "/v1/ME", "/v1/m%65", "/v1/me%20"],
  ...[
    "/v1/me%00",
    "/v1/me;x=1",
    "/v1/me,me",
    "/v1/auth.me",
    "/v1/me.json",
    "/v1/token",
    "/v1/token/",
    "/x/v1/me",
  ],
  ...[
    "/v1/sessions/",
    "/v1/sessions/a/b",
    "/v1/sessions/%2e%2e",
    "/v1/sessions/a%2Fb",
    "/v1/sessions/{sessionId}",
  ],
  ...[
    "/v1/__proto__",
    "/v1/constructor",
    "/v1/toString",
    "/v2/me",
    "/openapi.json/",
    "/openapi.yaml",
    "/docs/",
  ],
  ...["/Docs", "/docs/index.html", "/v1/trpc/auth.me"],
];
const unresolved = [
  ...[
    "/v1/../v1/me",
    "/v1/./me",
    "/v1/me/..",
    "/v1/sessions/..",
    "/v1/sessions/.",
    "/v1/%2e%2e/v1/me",
    "/v1\\me",
  ],
  ...["/trpc/../v1/me", "/v1/sessions/../me"],
];

Deno.test("no other spelling of a path leads anywhere, byte for byte", async () => {
  const { app: started, tokens } = await startVictim();
  await using app = started;
  const before = await takeSnapshot(app.database);
  const authorization = `Bearer ${tokens.accessToken}`;
  for (const path of [...strays, ...unresolved]) {
    for (const method of ["GET", "POST", "DELETE"]) {
      const { status, text } = await sendRaw(app.origin, requestHead(method, path, { authorization }));
      assertEquals([method, path, status], [method, path, 404]);
      assert(!text.includes('session"'), text);
    }
  }
  assertEquals(await takeSnapshot(app.database), before);
});

Deno.test("A-105: no route runs by another method, whatever a header or a field says", async () => {
  const { app: started, tokens } = await startVictim();
  await using app = started;
  const before = await takeSnapshot(app.database);
  const bearer = tokens.accessToken;
  const overrides = ["x-http-method-override", "x-http-method", "x-method-override"];
  for (const { method, path } of Object.values(routes)) {
    const target = path.endsWith("/") ? path + tokens.sessionId : path;
    for (const other of ["GET", "POST", "PUT", "PATCH", "DELETE"].filter((each) => each !== method)) {
      for (const name of overrides) {
        const answer = await app.call(`${target}?_method=${method}`, {
          method: other,
          bearer,
          headers: { [name]: method },
        });
        assertEquals([target, other, restOutcome(answer)], [target, other, "405 METHOD_NOT_ALLOWED"]);
      }
    }
  }
  assertEquals(await takeSnapshot(app.database), before);
});

Deno.test("A-073: a body that stops is given up after five seconds over REST too", async () => {
  await using app = await startTestApp();
  const head = requestHead("POST", "/v1/login", {
    "content-type": "application/json",
    "content-length": "100",
  });
  const answer = await sendRaw(app.origin, head, '{"identifier":');
  assertEquals(restOutcome(answer as RawAnswer), "408 BODY_TOO_SLOW");
});

Deno.test("a token in the query string is no token, and is not written down", async () => {
  const { app: started, tokens } = await startVictim();
  await using app = started;
  const answer = await app.call(`/v1/me?access_token=${tokens.accessToken}&token=${tokens.accessToken}`);
  assertEquals(restOutcome(answer), "401 TOKEN_MISSING");
  assert(!app.logs.join("").includes(tokens.accessToken));
  const beside = await app.call("/v1/me?access_token=x&input=%7B%7D", { bearer: tokens.accessToken });
  assertEquals(beside.status, 200);
});

Deno.test("two facades are no way around a limit: registrations over REST and tRPC count in one window", async () => {
  await using app = await startTestApp({ rateLimits: true });
  const body = { username: "ada", password };
  for (let call = 0; call < 60; call++) {
    await app.call(call % 2 === 0 ? "/v1/register" : "auth.register", { body });
  }
  const [one, other] = [await app.call("/v1/register", { body }), await app.call("auth.register", { body })];
  assertEquals([restOutcome(one), other.auth?.reason], ["429 RATE_LIMITED", "RATE_LIMITED"]);
});
