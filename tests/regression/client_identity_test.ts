import { createTRPCClient, type TRPCLink } from "@trpc/client";
import { observable } from "@trpc/server/observable";
import { assertEquals } from "@std/assert";
import { createAuthClient, createSession, type SessionOptions } from "@watchword/client";
import {
  createFakeAuthServer,
  createFaultyFetch,
  createTabs,
  type FakeAuth,
  fakeClock,
} from "@watchword/client/testing";
import { outcomeOf } from "../kit/client_scene.ts";
import { eventually } from "../kit/eventually.ts";

const password = "correct horse battery";
const url = "https://api.example.test/trpc";

const createRouter = ({ trpc, router, protectedProcedure, procedure }: FakeAuth) =>
  trpc.router({
    auth: router,
    read: protectedProcedure.query(() => "read"),
    add: protectedProcedure.mutation(({ ctx }) => ctx.auth.userId),
    fresh: procedure({ auth: "required", maxAgeSeconds: 60 }).mutation(() => "done"),
  });
type Router = ReturnType<typeof createRouter>;

function startServer() {
  const clock = fakeClock();
  const server = createFakeAuthServer({ clock, router: createRouter });
  const network = createFaultyFetch(server.fetch, { clock });
  return { clock, server, network };
}

async function startScene(options: Pick<SessionOptions, "onStepUp"> = {}) {
  const { clock, server, network } = startServer();
  const client = createAuthClient<Router>({ ...options, url, clock, fetch: network.fetch });
  await client.register({ username: "ada", password });
  return { clock, server, network, client };
}

Deno.test("a mutation that waits in another link's queue when the user changes is taken out of it", async () => {
  const { clock, network } = startServer();
  const auth = createSession({ url, clock, fetch: network.fetch });
  await auth.register({ username: "ada", password });
  // As a WebSocket link does while its socket is down: what is in it would leave under whoever opens the next one.
  const queued = new Set<string>();
  const queue: TRPCLink<Router> = () => ({ op }) =>
    observable(() => {
      queued.add(op.path);
      return () => void queued.delete(op.path);
    });
  const trpc = createTRPCClient<Router>({ links: [auth.link(), queue] });
  const waiting = outcomeOf(trpc.add.mutate());
  assertEquals([...queued], ["add"]);
  await auth.register({ username: "bob", password });
  assertEquals([await waiting, [...queued]], ["session_changed", []]);
});

Deno.test("a step-up question that nobody answers ends with its user, and the next user is asked anew", async () => {
  let questions = 0;
  const onStepUp = () => {
    questions++;
    return new Promise<"retry">(() => {});
  };
  const { client, clock } = await startScene({ onStepUp });
  await clock.advance(120_000);
  const waiting = outcomeOf(client.trpc.fresh.mutate());
  await eventually("ada is asked", 2_000, () => questions === 1);
  await client.logout();
  assertEquals(await waiting, "session_changed");

  await client.register({ username: "bob", password });
  await clock.advance(120_000);
  void client.trpc.fresh.mutate().catch(() => {});
  await eventually("bob is asked", 2_000, () => questions === 2);
  client.dispose();
});

Deno.test("a step-up that is answered after a logout leaves no session behind", async () => {
  const { client, clock, server, network } = await startScene();
  network.once({ answerDelayMs: 500 }, "auth.stepUp");
  const stepUp = outcomeOf(client.stepUp({ password }));
  await clock.advance(100);
  await client.logout();
  const before = server.count("auth.logout");
  await clock.advance(1_000);
  assertEquals([await stepUp, client.state.status], ["session_changed", "anonymous"]);
  await eventually("the new session is ended", 2_000, () => server.count("auth.logout") > before);
});

Deno.test("one procedure that refuses every token takes it from no other", async () => {
  const { client, network } = await startScene();
  network.always({ refuse: "TOKEN_INVALID" }, "add");
  for (let calls = 0; calls < 10; calls++) await client.trpc.add.mutate().catch(() => {});
  assertEquals(await outcomeOf(client.trpc.read.query()), "done");
});

Deno.test("a step-up that waits while another tab changes the user is not made with either's password", async () => {
  const { clock, server, network } = startServer();
  const tabs = createTabs({ clock, fetch: network.fetch });
  const [one, other] = [tabs.open(), tabs.open()];
  const client = createAuthClient<Router>({ url, ...one.options });
  await client.register({ username: "ada", password });
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  void other.options.storage.lock("watchword", 0, () => held);
  const stepUp = outcomeOf(client.stepUp({ password }));
  await createAuthClient<Router>({ url, ...other.options }).register({ username: "bob", password });
  await clock.advance(10);
  release();
  await clock.advance(10);
  assertEquals([await stepUp, server.count("auth.stepUp")], ["session_changed", 0]);
});
