/**
 * A page that is always busy when it is asked to be: it polls, streams and mutates, and shows what it sees. What
 * tests drive is on `window.page`.
 */
import { createAuthClient } from "@watchword/client";
import { sseSubscriptions } from "@watchword/client/sse";
import { webStore } from "@watchword/client/storage";
import { indexedDbStore } from "@watchword/client/storage/indexeddb";
import type { PageRouter } from "../page_app.ts";
import { dom } from "./dom.ts";

const query = new URLSearchParams(location.search);
const auth = createAuthClient<PageRouter>({
  url: `${location.origin}/trpc`,
  storage: query.get("store") === "indexeddb" ? indexedDbStore() : webStore(),
  subscriptions: sseSubscriptions(),
});

const facts: Record<string, number | string> = { polls: 0, mutations: 0, ticks: 0, refreshes: 0, errors: 0 };
const history: { status: string; at: number }[] = [];
const errors: string[] = [];

function show(): void {
  const { state } = auth;
  const name = state.status === "authenticated" ? state.user.username : "nobody";
  const rows = Object.entries({ session: state.status, user: name ?? "", ...facts });
  const list = dom.document.getElementById("facts");
  list?.replaceChildren(...rows.flatMap(([key, value]) => {
    const [dt, dd] = [dom.document.createElement("dt"), dom.document.createElement("dd")];
    dt.textContent = key;
    dd.textContent = String(value);
    return [dt, dd];
  }));
  const shown = dom.document.getElementById("errors");
  if (shown) shown.textContent = errors.slice(-5).join("\n");
}

function count(name: string): void {
  facts[name] = Number(facts[name]) + 1;
  show();
}

const fail = (where: string) => (error: unknown): void => {
  errors.push(`${where}: ${error}`);
  count("errors");
};

auth.subscribe(() => {
  history.push({ status: auth.state.status, at: Date.now() });
  show();
});
auth.on((event) => {
  if (event.type === "refreshed" && event.cause !== "other_tab") count("refreshes");
});
show();

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Polls, streams and mutates until it is told to stop. */
function work(): () => void {
  let isOver = false;
  async function repeat(everyMs: number, call: () => Promise<unknown>, name: string) {
    while (!isOver) {
      await call().then(() => count(name), fail(name));
      await pause(everyMs);
    }
  }
  void repeat(200, () => auth.trpc.read.query(), "polls");
  void repeat(300, () => auth.trpc.add.mutate({ id: crypto.randomUUID() }), "mutations");
  const stream = auth.trpc.ticks.subscribe(undefined, {
    onData: () => count("ticks"),
    onError: fail("ticks"),
  });
  return () => {
    isOver = true;
    stream.unsubscribe();
  };
}

/** Lets the service worker's own client make a call. */
async function callInWorker(): Promise<unknown> {
  const { active } = await dom.navigator.serviceWorker.ready;
  const { port1, port2 } = new MessageChannel();
  const answered = new Promise((resolve) => port1.onmessage = ({ data }) => resolve(data));
  active?.postMessage("call", [port2]);
  return await answered;
}

const exposed = { auth, work, callInWorker, facts, history, errors };
/** What `window.page` is. */
export type Page = typeof exposed;
Object.assign(globalThis, { page: exposed });
if (query.has("worker")) {
  await dom.navigator.serviceWorker.register("/worker.js", { type: "module" });
  await dom.navigator.serviceWorker.ready;
}
dom.document.documentElement.dataset["ready"] = "";
