import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  createTRPCClient,
  httpBatchLink,
  httpBatchStreamLink,
  httpLink,
  TRPCClientError,
} from "@trpc/client";
import { initTRPC, TRPCError } from "@trpc/server";
import superjson from "superjson";
import { type AppContext, AuthError, type Context } from "@watchword/server";
import { password, registerUser, startTestApp, type TestApp } from "../kit/app.ts";
import { createNestedApp, type NestedApp, type Tenant } from "./nested_app.ts";

const links = { httpLink, httpBatchLink, httpBatchStreamLink };
type LinkName = keyof typeof links;
const linkNames = Object.keys(links) as LinkName[];

const readTenant: AppContext<Tenant> = ({ req }) => ({ tenant: req.headers.get("x-tenant") ?? "none" });
const startNested = (createContext: AppContext = readTenant) =>
  startTestApp({ router: createNestedApp, createContext, limits: { batch: 3, bodyBytes: 1_000 } });

function connect({ origin }: TestApp, name: LinkName, accessToken?: string) {
  const headers = { "x-tenant": "acme", ...(accessToken ? { authorization: `Bearer ${accessToken}` } : {}) };
  const options = { url: `${origin}/trpc`, transformer: superjson, headers };
  return createTRPCClient<NestedApp>({ links: [links[name](options)] });
}

/** A user of an app whose answers go through superjson. */
async function signUp(app: TestApp) {
  const { auth } = connect(app, "httpLink");
  const result = await auth.register.mutate({ username: "ada", password });
  if (result.status !== "signed_in") throw new Error("not signed in");
  return { userId: result.user.id, accessToken: result.tokens.accessToken };
}

/** What a client of a nested app reads of a refusal. */
async function findReason(call: Promise<unknown>): Promise<unknown> {
  const error = await assertRejects(() => call, TRPCClientError);
  return error.data?.auth?.reason ?? error.message;
}

for (const name of linkNames) {
  Deno.test(`${name}: under a root of the app's own, its context and its transformer reach its procedures`, async () => {
    await using app = await startNested();
    const { userId, accessToken } = await signUp(app);
    const client = connect(app, name, accessToken);
    const day = new Date(1_000);
    const [tomorrow, whoami] = await Promise.all([client.tomorrow.query(day), client.whoami.query()]);
    assertEquals(tomorrow, new Date(86_401_000));
    assertEquals([whoami.tenant, whoami.userId], ["acme", userId]);
    assert(whoami.authenticatedAt instanceof Date);
    assertEquals(await client.rename.mutate({ at: day }), { by: userId, at: day });
  });

  Deno.test(`${name}: reasons survive the app's formatter and transformer, wherever the refusal comes from`, async () => {
    await using app = await startNested();
    const { accessToken } = await signUp(app);
    const client = connect(app, name, accessToken);
    const stranger = connect(app, name);
    const wrong = { identifier: "ada", password: "wrong password!" };
    const unknown = client as unknown as { nothing: { query(): Promise<unknown> } };
    const swapped = client as unknown as { rename: { query(): Promise<unknown> } };
    assertEquals(
      {
        flow: await findReason(client.auth.login.mutate(wrong)),
        input: await findReason(client.auth.sessions.revoke.mutate({ sessionId: "x" })),
        guard: await findReason(stranger.whoami.query()),
        bug: await findReason(client.broken.query()),
        path: await findReason(unknown.nothing.query()),
        method: await findReason(swapped.rename.query()),
        edge: await findReason(client.auth.login.mutate({ ...wrong, password: "x".repeat(20_000) })),
      },
      {
        flow: "INVALID_CREDENTIALS",
        input: "INPUT_INVALID",
        guard: "TOKEN_MISSING",
        bug: "INTERNAL",
        path: "NOT_FOUND",
        method: "METHOD_NOT_ALLOWED",
        edge: "BODY_TOO_LARGE",
      },
    );
    assertEquals(await findReason(client.full.query()), "formatted: CONFLICT");
  });
}

Deno.test("a batch that the edge refuses whole names its reason to every call of it, with a transformer too", async () => {
  await using app = await startNested();
  const { accessToken } = await signUp(app);
  for (const name of ["httpBatchLink", "httpBatchStreamLink"] as const) {
    const client = connect(app, name, accessToken);
    const calls = Array.from({ length: 4 }, () => findReason(client.whoami.query()));
    assertEquals(new Set(await Promise.all(calls)), new Set(["INPUT_INVALID"]));
  }
});

Deno.test("a stream of the app's is transformed item by item", async () => {
  await using app = await startNested();
  const { accessToken } = await signUp(app);
  const items = await Array.fromAsync(await connect(app, "httpBatchStreamLink", accessToken).count.query());
  assertEquals(items, [new Date(1), new Date(2)]);
});

Deno.test("a subscription that ends with its session says why, whatever the app's formatter makes of errors", async () => {
  await using app = await startNested();
  const { accessToken } = await signUp(app);
  const headers = { authorization: `Bearer ${accessToken}`, accept: "text/event-stream" };
  const { body } = await fetch(`${app.origin}/trpc/ticks`, { headers });
  let text = "";
  for await (const piece of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    if (text === "") await connect(app, "httpLink", accessToken).auth.logout.mutate({});
    text += piece;
  }
  assert(text.includes('"SESSION_REVOKED"'), text);
});

Deno.test("wherever the auth router is mounted, its procedures keep their limits", async () => {
  await using app = await startTestApp({
    router: ({ trpc, router }) => trpc.router({ api: { account: router } }),
  });
  assertEquals((await app.call("api.account.register", { body: { username: "ada", password } })).status, 200);
  const body = { identifier: "ada", password };
  assertEquals((await app.call("api.account.login", { body })).status, 200);
  const two = await app.call("api.account.login,api.account.login?batch=1", { body: { 0: body, 1: body } });
  assertEquals([two.status, two.auth?.reason], [400, "INPUT_INVALID"]);
});

Deno.test("the app's context cannot replace auth", async () => {
  await using app = await startNested(() => ({ tenant: "acme", auth: { userId: "somebody else" } }));
  const { userId, accessToken } = await signUp(app);
  assertEquals((await connect(app, "httpLink", accessToken).whoami.query()).userId, userId);
  assertEquals(await findReason(connect(app, "httpLink").whoami.query()), "TOKEN_MISSING");
});

Deno.test("headers that the app's context sets leave with the answer, of a plain query too", async () => {
  await using app = await startNested(({ resHeaders }) => {
    resHeaders.set("x-app", "here");
    return { tenant: "acme" };
  });
  for (const headers of [{}, { "trpc-accept": "application/json" }]) {
    const answer = await app.call("whoami", { headers });
    assertEquals([answer.status, answer.headers.get("x-app")], [401, "here"]);
  }
});

const failures: [string, () => never, unknown, string][] = [
  [
    "a bug",
    () => {
      throw new Error("sk-secret");
    },
    "INTERNAL",
    '"bug"',
  ],
  [
    "a reason",
    () => {
      throw new AuthError("UNAVAILABLE", { retryAfterSeconds: 1 });
    },
    "UNAVAILABLE",
    '"refused"',
  ],
  [
    "a tRPC error of its own",
    () => {
      throw new TRPCError({ code: "PRECONDITION_FAILED" });
    },
    "formatted: PRECONDITION_FAILED",
    "",
  ],
];

for (const [what, createContext, expected, logged] of failures) {
  Deno.test(`a context that fails with ${what} is answered as ${expected}, of a plain query and of any other`, async () => {
    await using app = await startNested(createContext);
    const client = connect(app, "httpLink");
    assertEquals(await findReason(client.tomorrow.query(new Date())), expected);
    assertEquals(await findReason(connect(app, "httpBatchLink").tomorrow.query(new Date())), expected);
    assertEquals(await findReason(client.auth.login.mutate({ identifier: "ada", password })), expected);
    assertEquals(app.logs.join().includes("sk-secret"), false);
    assertEquals(app.logs.filter((line) => logged !== "" && line.includes(logged)).length, logged ? 3 : 0);
  });
}

Deno.test("a router with a path separator of its own is refused at the start: the limits go by procedure", async () => {
  await using app = await startTestApp();
  const t = initTRPC.context<Context>().create({ pathSeparator: "_" });
  const router = t.router({ auth: app.auth.router });
  assertThrows(() => app.auth.handler(router), RangeError, "pathSeparator");
});

Deno.test("a nested router is called without HTTP by a caller, who is checked all the same", async () => {
  await using app = await startTestApp();
  const { user, tokens } = await registerUser(app);
  const req = (headers: HeadersInit) => new Request("http://app.test/trpc", { headers });
  const router = createNestedApp(app.auth);
  const callAs = (headers: HeadersInit) =>
    router.createCaller({ ...app.auth.createContext({ req: req(headers) }), tenant: "acme" });
  const signedIn = callAs({ authorization: `Bearer ${tokens.accessToken}` });
  assertEquals((await signedIn.whoami()).userId, user.id);
  await assertRejects(() => callAs({}).whoami(), TRPCError, "An access token is required");
});
