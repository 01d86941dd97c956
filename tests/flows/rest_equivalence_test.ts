import { assert, assertEquals } from "@std/assert";
import { type RawAnswer, startTestApp, type TestApp } from "../kit/app.ts";
import { readAuditEvents } from "../attacks/state.ts";
import { callRest, callTrpc, listRoutes, readProblem, type RestCall } from "./rest_calls.ts";

/** What earlier steps were answered. */
interface Held {
  tokens: { accessToken: string; refreshToken: string; sessionId: string }[];
}

type Step = (held: Held) => RestCall;

const ada = { username: "ada", password: "correct horse battery" };
const login = { identifier: "ada", password: ada.password };
const attemptId = "AAAAAAAAAAAAAAAAAAAAAA";
const first = ({ tokens: [first] }: Held) => first ?? { accessToken: "", refreshToken: "", sessionId: "" };
const last = ({ tokens }: Held) => tokens.at(-1) ?? { accessToken: "", refreshToken: "", sessionId: "" };

// Each route: a success, and the refusals that it has of its own.
const steps: Record<string, Step> = {
  "me before anybody is there": () => ({ procedure: "auth.me" }),
  "register": () => ({ procedure: "auth.register", input: ada }),
  "register the same name": () => ({ procedure: "auth.register", input: ada }),
  "register with a common password": () => ({
    procedure: "auth.register",
    input: { username: "bob", password: "password1" },
  }),
  "register with a short password": () => ({
    procedure: "auth.register",
    input: { username: "bob", password: "x" },
  }),
  "register with a personal password": () => ({
    procedure: "auth.register",
    input: { username: "bobbington", password: "bobbington1" },
  }),
  "register without an identifier": () => ({ procedure: "auth.register", input: { password: ada.password } }),
  "register with an unknown key": () => ({ procedure: "auth.register", input: { ...ada, roles: ["admin"] } }),
  "login": () => ({ procedure: "auth.login", input: login }),
  "login with a wrong password": () => ({
    procedure: "auth.login",
    input: { identifier: "ada", password: "wrong horse battery" },
  }),
  "login with an endless password": () => ({
    procedure: "auth.login",
    input: { identifier: "ada", password: "k".repeat(257) },
  }),
  "me": (held) => ({ procedure: "auth.me", bearer: last(held).accessToken }),
  "me with a broken token": () => ({ procedure: "auth.me", bearer: "a.b.c" }),
  "sessions": (held) => ({ procedure: "auth.sessions.list", bearer: last(held).accessToken }),
  "sessions without a token": () => ({ procedure: "auth.sessions.list" }),
  "step up with a wrong password": (held) => ({
    procedure: "auth.stepUp",
    input: { password: "wrong horse battery" },
    bearer: last(held).accessToken,
  }),
  "step up with a code": (held) => ({
    procedure: "auth.stepUp",
    input: { code: "123456" },
    bearer: last(held).accessToken,
  }),
  "step up with both": (held) => ({
    procedure: "auth.stepUp",
    input: { password: ada.password, code: "123456" },
    bearer: last(held).accessToken,
  }),
  "step up without a token": () => ({ procedure: "auth.stepUp", input: { password: ada.password } }),
  "step up": (held) => ({
    procedure: "auth.stepUp",
    input: { password: ada.password },
    bearer: last(held).accessToken,
  }),
  "refresh": (held) => ({
    procedure: "auth.refresh",
    input: { refreshToken: last(held).refreshToken, attemptId },
  }),
  "refresh with an access token": (held) => ({
    procedure: "auth.refresh",
    input: { refreshToken: last(held).accessToken },
  }),
  "refresh with nothing": () => ({ procedure: "auth.refresh" }),
  "refresh with a bad attempt": (held) => ({
    procedure: "auth.refresh",
    input: { refreshToken: last(held).refreshToken, attemptId: "short" },
  }),
  "revoke nobody's session": (held) => ({
    procedure: "auth.sessions.revoke",
    input: { sessionId: "00000000-0000-4000-8000-000000000000" },
    bearer: last(held).accessToken,
  }),
  "revoke what is no id": (held) => ({
    procedure: "auth.sessions.revoke",
    input: { sessionId: "mine" },
    bearer: last(held).accessToken,
  }),
  "revoke without a token": (held) => ({
    procedure: "auth.sessions.revoke",
    input: { sessionId: last(held).sessionId },
  }),
  "revoke what is no id, without a token": () => ({
    procedure: "auth.sessions.revoke",
    input: { sessionId: "mine" },
  }),
  "revoke the first session": (held) => ({
    procedure: "auth.sessions.revoke",
    input: { sessionId: first(held).sessionId },
    bearer: last(held).accessToken,
  }),
  "me of the revoked session": (held) => ({ procedure: "auth.me", bearer: first(held).accessToken }),
  "refresh of the revoked session": (held) => ({
    procedure: "auth.refresh",
    input: { refreshToken: first(held).refreshToken },
  }),
  "logout of two sessions at once": (held) => ({
    procedure: "auth.logout",
    input: { refreshToken: first(held).refreshToken },
    bearer: last(held).accessToken,
  }),
  "logout with nothing": () => ({ procedure: "auth.logout" }),
  "logout everywhere else": (held) => ({
    procedure: "auth.logout",
    input: { scope: "others" },
    bearer: last(held).accessToken,
  }),
  "logout": (held) => ({ procedure: "auth.logout", bearer: last(held).accessToken }),
  "logout again": (held) => ({ procedure: "auth.logout", bearer: last(held).accessToken }),
  "me after the logout": (held) => ({ procedure: "auth.me", bearer: last(held).accessToken }),
};

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** What two services may answer differently: ids, tokens, times. */
function scrub(value: unknown, name = ""): unknown {
  if (Array.isArray(value)) return value.map((item) => scrub(item));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, scrub(item, key)]));
  }
  if (typeof value === "number" && name.endsWith("Seconds")) return "seconds";
  if (typeof value !== "string") return value;
  if (uuid.test(value)) return "id";
  if (/^\d{4}-\d\d-\d\dT/.test(value)) return "time";
  return value.length > 60 ? "token" : value;
}

function keep({ tokens }: Held, data: unknown): void {
  const { accessToken, tokens: inner } = (data ?? {}) as {
    accessToken?: string;
    tokens?: Held["tokens"][number];
  };
  if (accessToken !== undefined) tokens.push(data as Held["tokens"][number]);
  else if (inner !== undefined) tokens.push(inner);
}

const tellingHeaders = [
  "cache-control",
  "www-authenticate",
  "retry-after",
  "set-cookie",
  "x-content-type-options",
];
const pickHeaders = ({ headers }: RawAnswer) => tellingHeaders.map((name) => headers.get(name));

async function playOverTrpc(app: TestApp) {
  const held: Held = { tokens: [] };
  const answers = [];
  for (const step of Object.values(steps)) {
    const answer = await callTrpc(app, step(held));
    keep(held, answer.data);
    const refusal = answer.auth && {
      reason: answer.auth.reason,
      title: JSON.parse(answer.text).error.message as string,
    };
    answers.push({ status: answer.status, data: scrub(answer.data), refusal, headers: pickHeaders(answer) });
  }
  return answers;
}

async function playOverRest(app: TestApp) {
  const held: Held = { tokens: [] };
  const answers = [];
  for (const step of Object.values(steps)) {
    const answer = await callRest(app, step(held));
    const problem = readProblem(answer);
    const data = problem ? undefined : JSON.parse(answer.text);
    keep(held, data);
    const refusal = problem ? { reason: problem.reason, title: problem.title } : undefined;
    answers.push({ status: answer.status, data: scrub(data), refusal, headers: pickHeaders(answer) });
  }
  return answers;
}

const readLog = ({ logs }: TestApp) =>
  logs.map((line) => JSON.parse(line)).filter(({ event }) => event !== "request").map((
    { event, level, path, reason, executed },
  ) => ({ event, level, path, reason, executed }));

const readAudit = async ({ database }: TestApp) =>
  (await readAuditEvents(database.sql)).map(({ event, ok, reason }) => ({ event, ok, reason }));

Deno.test("the same calls over REST and over tRPC have the same answers, reasons, headers, log lines and audit rows", async () => {
  await using one = await startTestApp();
  await using other = await startTestApp();
  const routes = listRoutes(one);
  const overTrpc = await playOverTrpc(one);
  const overRest = await playOverRest(other);
  for (const [index, name] of Object.keys(steps).entries()) {
    const { procedure } = Object.values(steps)[index]?.({ tokens: [] }) ?? {};
    const route = routes.find((route) => route.procedure === procedure);
    const expected = overTrpc[index];
    const status = expected?.status === 200 ? route?.status : expected?.status;
    assertEquals([name, overRest[index]], [name, { ...expected, status }]);
  }
  assertEquals(readLog(other), readLog(one));
  assertEquals(await readAudit(other), await readAudit(one));
});

Deno.test("every route takes part in that comparison, with a success and a refusal", async () => {
  await using app = await startTestApp();
  const played = await playOverRest(app);
  const procedures = Object.values(steps).map((step) => step({ tokens: [] }).procedure);
  for (const { procedure } of listRoutes(app)) {
    const outcomes = played.filter((_, index) => procedures[index] === procedure).map(({ status }) =>
      status < 300
    );
    assert(outcomes.includes(true), `${procedure} never succeeds`);
    assert(outcomes.includes(false), `${procedure} is never refused`);
  }
});
