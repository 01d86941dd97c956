import { assertEquals } from "@std/assert";
import { createAuthClient } from "@watchword/client";
import { outcomeOf } from "../kit/client_scene.ts";
import { eventually } from "../kit/eventually.ts";
import { createFakeAuthServer, createFaultyFetch, type FakeAuth, fakeClock } from "@watchword/client/testing";

const account = { username: "ada", password: "correct horse battery" };
const API = "https://api.example.test";

const createRouter = ({ trpc, router, protectedProcedure }: FakeAuth) =>
  trpc.router({ auth: router, read: protectedProcedure.query(({ ctx }) => ctx.auth.userId) });

/** A signed-in client against a server in memory, and everything that it sent. */
async function startScene() {
  const clock = fakeClock();
  const server = createFakeAuthServer({ clock, router: createRouter });
  const network = createFaultyFetch(server.fetch, { clock });
  const inits: RequestInit[] = [];
  /** Where each request went, and whether with a token. */
  const went: [origin: string, isAuthorized: boolean][] = [];
  const client = createAuthClient<ReturnType<typeof createRouter>>({
    url: `${API}/trpc`,
    clock,
    fetch: (input, init) => {
      inits.push(init ?? {});
      const { origin } = new URL(typeof input === "object" && "url" in input ? input.url : input);
      went.push([origin, new Headers(init?.headers).has("authorization")]);
      return network.fetch(input, init);
    },
  });
  await client.register(account);
  return { client, clock, server, network, inits, went };
}

for (
  const reason of ["RATE_LIMITED", "CSRF", "INPUT_INVALID", "REFRESH_INVALID", "SESSION_REVOKED"] as const
) {
  Deno.test(`a logout of all that is answered ${reason} does not say that it was done`, async () => {
    const { client, network } = await startScene();
    network.once({ refuse: reason }, "auth.logout");
    assertEquals(await outcomeOf(client.logout({ scope: "all" })) === "done", false);
    assertEquals(client.state.status, "anonymous");
  });
}

Deno.test("a logout that the server puts off is made up for at the next sign-in, without any event of a browser", async () => {
  const { client, server, network } = await startScene();
  const bearer = await client.getAccessToken() ?? "";
  const isLive = async () =>
    (await server.fetch(`${API}/trpc/read`, { headers: { authorization: `Bearer ${bearer}` } })).status ===
      200;
  network.once({ status: 503, body: "busy" }, "auth.logout");
  await client.logout();
  assertEquals(await isLive(), true);
  await client.login({ identifier: "ada", password: account.password });
  await eventually("the server is told", 2_000, async () => !await isLive());
  assertEquals(client.state.status, "authenticated");
});

Deno.test("a step-up whose answer is slower than the refresh beside it signs nobody out", async () => {
  const { client, network, clock } = await startScene();
  // Within the last seconds of its life a token is renewed beside the call that uses it.
  await clock.advance(580_000);
  network.once({ answerDelayMs: 500 }, "auth.stepUp");
  network.once({ delayMs: 100 }, "auth.refresh");
  const steppedUp = client.stepUp({ password: account.password });
  await clock.advance(2_000);
  assertEquals([(await steppedUp).status, client.state.status], ["stepped_up", "authenticated"]);
});

Deno.test("fetch sends a relative URL to the API that it was judged by, and no token to another origin", async () => {
  const { client, went } = await startScene();
  await client.fetch("/upload").catch(() => {});
  assertEquals(went.at(-1), [API, true]);

  // A Request of another library's class.
  const url = "https://evil.example.test/";
  const foreign = { url, clone: () => new Request(url) };
  await client.fetch(foreign as unknown as Request).catch(() => {});
  assertEquals(went.at(-1), [new URL(url).origin, false]);
});

Deno.test("a password or a refresh token follows no redirect", async () => {
  const { client, server, inits } = await startScene();
  server.expireAccessTokens();
  await client.trpc.read.query();
  const auth = inits.filter(({ body }) => typeof body === "string" && /password|refreshToken/.test(body));
  assertEquals(new Set(auth.map(({ redirect }) => redirect)), new Set(["error"]));
});

Deno.test("a login that is answered after a logout signs nobody in, and its session is ended", async () => {
  const { client, clock, server, network } = await startScene();
  await client.logout();
  network.once({ answerDelayMs: 500 }, "auth.login");
  const login = outcomeOf(client.login({ identifier: "ada", password: account.password }));
  await clock.advance(100);
  await client.logout();
  const before = server.count("auth.logout");
  await clock.advance(1_000);
  assertEquals([await login, client.state.status], ["session_changed", "anonymous"]);
  await eventually("the server is told", 2_000, () => server.count("auth.logout") > before);
});
