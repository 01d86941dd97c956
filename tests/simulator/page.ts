import { createAuthClient, findAuthClientError, type SessionState } from "@watchword/client";
import type { SessionStorage } from "@watchword/client/storage";
import type { Tab } from "@watchword/client/testing";
import { TRPCClientError } from "@trpc/client";
import { judgeSignOut } from "./sign_outs.ts";
import { runningTab } from "./virtual_globals.ts";
import { type App, type Op, type Page, password, type World } from "./world.ts";

/** Longest time that a request of the app hangs before its connection is given up. */
const CONNECTION_TIMEOUT_MS = 20_000;
const STORAGE_COUNT_MAX = 5_000;

async function stepUp({ client }: Page): Promise<"retry" | "fail"> {
  const { status } = await client.stepUp({ password });
  return status === "stepped_up" ? "retry" : "fail";
}

const userOf = (state: SessionState): string | null | undefined =>
  state.status === "booting" ? undefined : state.status === "authenticated" ? state.user.id : null;

/** Opens a page and keeps an eye on it. */
export function openPage(world: World): Page {
  const tab = world.tabs.open();
  const name = `tab${world.pages.length + 1}`;
  const watched = watchSending(world, { name, tab });
  const create = () =>
    createAuthClient<App>({
      url: "http://app.test/trpc",
      ...tab.options,
      storage: countAccess(world, tab),
      fetch: (input, init) => watched.fetch(page, input, init),
      ...(world.setup.stepsUp ? { onStepUp: () => stepUp(page) } : {}),
    });
  const client = runningTab.run(tab, create);
  const page: Page = { name, tab, client, refreshesAt: [], signingOut: 0, awakeSince: 0 };
  world.pages.push(page);
  watchState(world, page);
  return page;
}

/** Lets a frozen page go on. */
export function thawPage({ clock }: World, page: Page): void {
  if (page.tab.isFrozen) page.awakeSince = clock.monotonic();
  page.tab.thaw();
}

/** Tabs that answer each other's writes without end would do so within one moment of virtual time. */
function countAccess(world: World, tab: Tab): SessionStorage {
  const { storage } = tab.options;
  const count = <T>(run: () => T): T => {
    if (++world.storageCount === STORAGE_COUNT_MAX) world.violate("the tabs never leave the storage alone");
    if (world.storageCount >= STORAGE_COUNT_MAX) tab.kill();
    return run();
  };
  return {
    ...storage,
    get: (key: string) => count(() => storage.get(key)),
    async set(key: string, value: string) {
      await count(() => storage.set(key, value));
      world.stored.add(JSON.parse(value).sessionId);
    },
    watch: (key: string, changed: () => void) => storage.watch(key, () => runningTab.run(tab, changed)),
  };
}

function watchSending(
  { clock, ops, server, note, violate }: World,
  { name, tab }: { name: string; tab: Tab },
) {
  function bookSend(page: Page, url: string, init: RequestInit | undefined): void {
    const procedures = url.slice(url.lastIndexOf("/trpc/") + 6).split("?")[0] ?? "";
    if (procedures === "auth.refresh") page.refreshesAt.push(clock.monotonic());
    note(`${name} sends ${procedures}`);
    const token = /^Bearer (.+)$/.exec(new Headers(init?.headers).get("authorization") ?? "")?.[1];
    const sentAs = token === undefined ? null : server.whose(token)?.userId ?? null;
    for (const [, id] of `${decodeURIComponent(url)} ${init?.body}`.matchAll(/"id":(\d+)/g)) {
      const op = ops[Number(id)];
      if (op === undefined) continue;
      op.sends++;
      if (op.sends > op.sendsMax) violate(`${op.what} was sent ${op.sends} times`);
      if (sentAs !== null && op.madeAs !== undefined && sentAs !== op.madeAs) {
        violate(`${op.what}, made as ${op.madeAs}, left under the name of ${sentAs}`);
      }
    }
  }

  return {
    fetch(page: Page, input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
      const url = String(input);
      if (tab.isAlive) bookSend(page, url, init);
      const work = tab.options.fetch(input, init);
      const broken = new Promise<never>((_, reject) => {
        init?.signal?.addEventListener("abort", () => reject(init.signal?.reason));
        if (url.includes("/trpc/auth.")) return;
        clock.setTimeout(
          () => tab.isAlive && reject(new TypeError("connection timed out")),
          CONNECTION_TIMEOUT_MS,
        );
      });
      broken.catch(() => {});
      return Promise.race([work, broken]);
    },
  };
}

function watchState(world: World, page: Page): void {
  const { client, name } = page;
  let last: SessionState = client.state;
  client.subscribe(() => {
    const next = client.state;
    const before = last;
    last = next;
    if (!page.tab.isAlive) return;
    const who = next.status === "authenticated"
      ? `${next.user.username} ${next.sessionId.slice(0, 4)} ${next.freshness}`
      : JSON.stringify(next);
    world.note(`${name} is ${who}`);
    if (next.status === "authenticated" && !world.bornAt.has(next.sessionId)) {
      world.bornAt.set(next.sessionId, world.clock.monotonic());
    }
    if (before.status === "booting") {
      for (const op of world.ops) {
        if (op.page === page && op.madeAs === undefined) op.madeAs = userOf(next) ?? null;
      }
    }
    if (before.status === "authenticated" && next.status === "anonymous") {
      judgeSignOut(world, page, { sessionId: before.sessionId, reason: next.lastEnd });
    }
  });
}

/** Starts a call on a page. Whatever it comes to is written down. */
export function startOp(
  world: World,
  { page, what, isMutation = false }: { page: Page; what: string; isMutation?: boolean },
  run: (id: number) => Promise<unknown>,
): Op {
  const id = world.ops.length;
  const op: Op = {
    id,
    page,
    what: `${page.name}'s ${what} #${id}`,
    isMutation,
    startedAt: world.clock.monotonic(),
    madeAs: userOf(page.client.state),
    sends: 0,
    // Once more after a refresh, and once more after the user has stepped up.
    sendsMax: what === "fresh" && world.setup.stepsUp ? 3 : 2,
    ranAs: [],
    outcome: null,
  };
  world.ops.push(op);
  const settle = (outcome: string) => {
    op.outcome = outcome;
    world.note(`${op.what}: ${outcome}`);
  };
  runningTab.run(page.tab, () => run(id)).then(() => settle("ok"), (error) => settle(describeError(error)));
  return op;
}

function describeError(error: unknown): string {
  const own = findAuthClientError(error);
  if (own !== null) return own.code;
  if (error instanceof TRPCClientError && error.data) return error.data.auth?.reason ?? error.data.code;
  const { name } = error instanceof TRPCClientError && error.cause ? error.cause : Object(error);
  return String(name);
}
