import { assert, assertEquals } from "@std/assert";
import { type RawAnswer, registerUser, startTestApp, testSecret } from "../kit/app.ts";
import { takeSnapshot } from "../kit/database_snapshot.ts";
import { requestHead, sendRaw } from "../kit/raw_http.ts";
import { type BadInput, canary, type Shot, type Victim } from "./bad_input/bad_input.ts";
import { bearerCases } from "./bad_input/bearer_cases.ts";
import { bodyCases } from "./bad_input/body_cases.ts";
import { inputCases } from "./bad_input/input_cases.ts";
import { targetCases } from "./bad_input/target_cases.ts";

type Answer = Pick<RawAnswer, "status" | "headers" | "text">;

async function startVictim(): Promise<Victim> {
  const app = await startTestApp();
  const { username, tokens } = await registerUser(app);
  return { app, username, tokens };
}

const fire = ({ app }: Victim, shot: Shot): Promise<Answer> =>
  "raw" in shot ? sendRaw(app.origin, ...shot.raw) : app.call(shot.path, shot);

function summarise({ status, text }: Answer): { outcome: string; executed: boolean | undefined } {
  const auth = text === "" ? undefined : readAuth(text);
  return { outcome: auth ? `${status} ${auth.reason}` : String(status), executed: auth?.executed };
}

/** The refusal in an answer; the calls of a batch must all be refused alike. */
function readAuth(text: string): { reason: string; executed: boolean } | undefined {
  const [first, ...others] = [JSON.parse(text)].flat().map((answer) => answer.error?.data?.auth);
  for (const other of others) assertEquals(other, first);
  return first;
}

const leaks = [
  canary,
  testSecret,
  "    at ",
  ".ts:",
  "file://",
  "node_modules",
  "select ",
  "insert into",
  "postgres",
  "ZodError",
  "SyntaxError",
  "invalid_type",
  "Unexpected",
  "password_hash",
  "polluted",
];

function assertNothingLeaked({ app, tokens }: Victim, { text, headers }: Answer, logLines: string[]): void {
  const secrets = [...leaks, tokens.accessToken, tokens.refreshToken];
  const said = `${text}\n${JSON.stringify([...headers])}`;
  assertEquals(secrets.filter((secret) => said.includes(secret)), [], "in the answer");
  const logged = logLines.join("\n");
  assertEquals(secrets.filter((secret) => logged.includes(secret)), [], "in the log");
  for (const line of app.logs) assertEquals(typeof JSON.parse(line).event, "string");
}

async function assertRefused(victim: Victim, { shot, answer, executed }: BadInput): Promise<void> {
  const options = { except: executed ? ["audit_events"] : [] };
  const before = await takeSnapshot(victim.app.database, options);
  const logCount = victim.app.logs.length;
  const got = await fire(victim, shot(victim));
  const { outcome, executed: saysExecuted } = summarise(got);
  assertEquals(outcome, answer);
  if (got.text !== "") assertEquals(saysExecuted, executed ?? false);
  assertEquals(await takeSnapshot(victim.app.database, options), before);
  assertNothingLeaked(victim, got, victim.app.logs.slice(logCount));
}

Deno.test("bad input of every kind gets its one answer, runs nothing, changes nothing and leaks nothing", async (t) => {
  const victim = await startVictim();
  await using app = victim.app;
  for (const badInput of [...inputCases, ...bodyCases, ...targetCases, ...bearerCases]) {
    await t.step(`${badInput.name}: ${badInput.answer}`, () => assertRefused(victim, badInput));
  }
  assertEquals("polluted" in {}, false);
  const { status } = await app.call("auth.refresh", { body: { refreshToken: victim.tokens.refreshToken } });
  assertEquals(status, 200);
});

Deno.test("what the contract tolerates is served", async (t) => {
  const victim = await startVictim();
  await using app = victim.app;
  const { accessToken } = victim.tokens;
  const json = { "content-type": "Application/JSON; charset=utf-8" };
  const served: Record<string, () => Promise<Answer>> = {
    "an escaped comma": () => app.call("auth.me%2Cauth.sessions.list?batch=1", { bearer: accessToken }),
    "a batch of ten": () =>
      app.call(`${Array(10).fill("auth.me").join(",")}?batch=1`, { bearer: accessToken }),
    "a batch of one": () => app.call("auth.me?batch=1", { bearer: accessToken }),
    "bearer in lower case": () =>
      app.call("auth.me", { headers: { authorization: `bearer ${accessToken}` } }),
    "a query string beside the header": () =>
      app.call("auth.me?access_token=x&token=y", { bearer: accessToken }),
    "a type with a charset, in any case": () =>
      app.call("auth.logout", { rawBody: "{}", headers: json, bearer: accessToken }),
    "a POST without a body or a type": () => app.call("auth.logout", { method: "POST", bearer: accessToken }),
  };
  for (const [what, send] of Object.entries(served)) {
    await t.step(what, async () => assertEquals((await send()).status, 200));
  }
});

const hosts = [
  "",
  "evil.test",
  "a b",
  "[::1",
  "user:pass@evil.test",
  "%00",
  "..",
  "evil.test:99999",
  "x".repeat(3_000),
];

Deno.test("A-074: no Host header crashes the service, reaches another route or is believed", async () => {
  const victim = await startVictim();
  await using app = victim.app;
  for (const host of [...hosts, "x/health/live?", "x/trpc/auth.logout?"]) {
    const headers = { host, authorization: `Bearer ${victim.tokens.accessToken}` };
    const { status, text } = await sendRaw(app.origin, requestHead("GET", "/trpc/auth.me", headers));
    assert([200, 400, 404].includes(status), `${host}: ${status}`);
    if (status === 200) {
      assertEquals([host, JSON.parse(text).result?.data.user.username], [host, victim.username]);
    }
    assert(!text.includes("evil.test"), text);
  }
});

Deno.test("A-073: a body that stops, or drips, is given up after five seconds", async () => {
  await using app = await startTestApp();
  const head = requestHead("POST", "/trpc/auth.login", {
    "content-type": "application/json",
    "content-length": "100",
  });
  const drip = Array.from({ length: 25 }, () => [" ", 300]).flat();
  const [stopped, dripped] = await Promise.all([
    sendRaw(app.origin, head, '{"identifier":'),
    sendRaw(app.origin, head, ...drip),
  ]);
  assertEquals([summarise(stopped).outcome, summarise(dripped).outcome], [
    "408 BODY_TOO_SLOW",
    "408 BODY_TOO_SLOW",
  ]);
  assertEquals([summarise(stopped).executed, summarise(dripped).executed], [false, false]);
  assertEquals((await app.call("/health/live")).status, 200);
});

Deno.test("R-96: no user agent can forge or garble a log line", async () => {
  await using app = await startTestApp();
  const { username } = await registerUser(app);
  const agents = [
    `x","level":"error","event":"${canary}`,
    "\u0085\u009b31m",
    `%0a{"event":"${canary}"}`,
    "\tx\t",
  ];
  for (const agent of agents) {
    await app.call("auth.login", {
      body: { identifier: username, password: "wrong horse battery" },
      headers: { "user-agent": agent },
    });
  }
  for (const line of app.logs) {
    const { event } = JSON.parse(line);
    // deno-lint-ignore no-control-regex -- these are what must not reach a log
    assert(!/[\u0000-\u001f\u007f-\u009f]/.test(line), line);
    assert(!String(event).includes(canary), line);
  }
});
