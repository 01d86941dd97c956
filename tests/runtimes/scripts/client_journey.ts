// Run from the built package: `client_journey.js URL CONTROL_URL`. Prints what happened as JSON, and ends by itself.
import process from "node:process";
import { authReason, createAuthClient } from "@watchword/client";
import type { CounterApp } from "../../kit/counter_app.ts";

const [url = "", controlUrl = ""] = process.argv.slice(2);
const CALLS = 20;
const password = "correct horse battery";
const username = `user-${crypto.randomUUID().slice(0, 8)}`;

let refreshes = 0;
const countingFetch: typeof fetch = (input, init) => {
  if (String(input).endsWith("/auth.refresh")) refreshes++;
  return fetch(input, init);
};

const auth = createAuthClient<CounterApp>({ url, fetch: countingFetch });
const registered = await auth.register({ username, password });
await auth.logout();
const loggedIn = await auth.login({ identifier: username, password });
const before = await auth.trpc.read.query();

// The access token expires on the server, and the client does not know.
await fetch(controlUrl, { method: "POST" });
const ids = Array.from({ length: CALLS }, (_, id) => id);
const calls = await Promise.all([
  ...ids.map(() => auth.trpc.read.query()),
  ...ids.map((id) => auth.trpc.add.mutate({ id })),
]);
const name = (await auth.trpc.auth.me.query()).user.username;

await auth.logout();
const refused = await auth.trpc.read.query().then(() => null, authReason);

process.stdout.write(JSON.stringify({
  version: process.versions["bun"] ?? process.versions["deno"] ?? process.versions.node,
  registered: registered.status,
  loggedIn: loggedIn.status,
  isSameUser: calls.slice(0, CALLS).every((id) => id === before),
  added: calls.slice(CALLS),
  isNamed: name === username,
  refreshes,
  signedOut: auth.state.status,
  refused,
  // Bun and Deno have none; there the end of the process tells.
  timers: process.getActiveResourcesInfo?.().filter((name) => name === "Timeout") ?? [],
}));
