/**
 * Signs in, renews, calls, aborts and signs out where a runtime has little but `fetch`, as React Native does.
 * The first argument is the service's origin.
 */
import { asyncStore } from "@watchword/client/storage/async";
import { createAuthClient, isAuthClientError } from "@watchword/client";

const missing: [object, string[]][] = [
  [globalThis, [
    "DOMException",
    "EventSource",
    "BroadcastChannel",
    "addEventListener",
    "removeEventListener",
    "localStorage",
    "location",
    "structuredClone",
    "navigator",
    "CompressionStream",
  ]],
  [crypto, ["randomUUID", "subtle"]],
  [AbortSignal, ["any", "timeout"]],
  [AbortSignal.prototype, ["throwIfAborted"]],
  [Promise, ["withResolvers"]],
];
for (const [owner, names] of missing) {
  for (const name of names) Object.defineProperty(owner, name, { value: undefined, configurable: true });
}

const values = new Map<string, string>();
const storage = asyncStore({
  getItem: (key) => Promise.resolve(values.get(key) ?? null),
  setItem: (key, value) => Promise.resolve(void values.set(key, value)),
});

const [origin = ""] = Deno.args;
const clock = {
  shiftMs: 0,
  wall: () => Date.now() + clock.shiftMs,
  monotonic: () => performance.now() + clock.shiftMs,
};
const events: string[] = [];
const auth = createAuthClient({
  url: `${origin}/trpc`,
  storage,
  clock,
  onEvent: ({ type }) => events.push(type),
});
const password = "correct horse battery";
const { status } = await auth.register({ username: "ada", password });
clock.shiftMs = 3_600_000;
const { user } = await auth.trpc.auth.me.query();

const controller = new AbortController();
clock.shiftMs = 7_200_000;
const aborted = auth.trpc.auth.me.query(undefined, { signal: controller.signal }).then(
  () => "sent",
  () => "aborted",
);
// Deno itself makes a DOMException for an abort without a reason.
controller.abort(new Error("gone"));

const restarted = createAuthClient({ url: `${origin}/trpc`, storage, clock });
await restarted.ready;
const answers = [status, user.username, await aborted, restarted.state.status];
await auth.logout();
const late = await auth.stepUp({ password }).catch((error) => isAuthClientError(error) && error.code);
// The record of a session that is over names nobody, and holds no token.
const left = [...values.values()].filter((value) => /"user":\{|Token":"[^"]/.test(value)).length;
// deno-lint-ignore no-console -- the answer goes to the test that runs this
console.log(JSON.stringify({ answers, events: events.slice(0, 2), late, left }));
