import { fakeClock } from "@watchword/client/testing";
import { openPage, startOp, thawPage } from "./page.ts";
import { type Action, describeStep, type Schedule } from "./schedule.ts";
import { judgeEnd, judgePatience } from "./verdicts.ts";
import { useVirtualGlobals } from "./virtual_globals.ts";
import { createWorld } from "./create_world.ts";
import { type Page, password, usernames, type World } from "./world.ts";

/** A promise of the client was broken; the message tells the whole story. */
export class BrokenPromise extends Error {
  override readonly name = "BrokenPromise";
}

const PAGES_MAX = 4;
/** Within this, a sign-out has reached the storage. */
const SIGN_OUT_MS = 100;

function pick(world: World, { tab, op }: { tab: number; op: Action["op"] }): Page | undefined {
  const open = world.pages.filter((page) => page.tab.isAlive);
  // In the middle of a refresh is where it matters.
  const busy = open.filter(({ client: { state } }) =>
    "freshness" in state && state.freshness === "refreshing"
  );
  const from = busy.length > 0 && (op === "kill" || op === "freeze") ? busy : open;
  return from[tab % from.length];
}

function call(
  world: World,
  page: Page,
  { kind, count, abortAfterMs }: Extract<Action, { op: "call" }>,
): void {
  const { trpc } = page.client;
  for (let i = 0; i < count; i++) {
    const controller = new AbortController();
    const options = { signal: controller.signal };
    const isMutation = kind !== "read";
    startOp(
      world,
      { page, what: kind, isMutation },
      (id) => isMutation ? trpc[kind].mutate({ id }, options) : trpc[kind].query({ id }, options),
    );
    if (abortAfterMs !== null && i === 0) world.clock.setTimeout(() => controller.abort(), abortAfterMs);
  }
}

function signOut(world: World, page: Page, scope: "this" | "others" | "all"): void {
  const { client, tab } = page;
  const { state } = client;
  if (scope === "others") {
    return void startOp(world, { page, what: "logout others" }, () => client.logout({ scope }));
  }
  // Whose session it would be is not known yet.
  if (state.status === "booting") return;
  const sessionId = state.status === "authenticated" ? state.sessionId : "";
  const { clock, signOuts, signedOutSessions, overSessions } = world;
  signedOutSessions.add(sessionId);
  signOuts.push({ page, sessionId, at: clock.monotonic(), isByUser: true });
  // A page that is closed in this very moment may not get as far as the storage.
  clock.setTimeout(() => {
    if (tab.isAlive && !tab.isFrozen) overSessions.add(sessionId);
  }, SIGN_OUT_MS);
  page.signingOut++;
  const leave = () =>
    client.logout({ scope }).finally(() => {
      page.signingOut--;
      signOuts.push({ page, sessionId, at: clock.monotonic(), isByUser: true });
    });
  startOp(world, { page, what: `logout ${scope}` }, leave);
}

/** What one person does in one tab at a time, and waits for. */
const byHand: Action["op"][] = ["login", "logout", "step up"];
const isBusy = ({ ops }: World) =>
  ops.some(({ page, what, outcome }) =>
    outcome === null && page.tab.isAlive && byHand.some((deed) => what.includes(deed))
  );

function actOnPage(world: World, page: Page, action: Action): void {
  const { client, tab } = page;
  // Nobody uses a page that stands still: looking at it wakes it.
  if (action.op !== "kill" && action.op !== "freeze") thawPage(world, page);
  if (byHand.includes(action.op) && isBusy(world)) return;
  switch (action.op) {
    case "call":
      return call(world, page, action);
    case "token":
      if (action.force) world.seen.add("force");
      return void startOp(
        world,
        { page, what: "token" },
        () => client.getAccessToken({ force: action.force }),
      );
    case "login": {
      const identifier = usernames[action.user] ?? "";
      return void startOp(world, { page, what: "login" }, () => client.login({ identifier, password }));
    }
    case "logout":
      return signOut(world, page, action.scope);
    case "step up":
      return void startOp(world, { page, what: "step up" }, () => client.stepUp({ password }));
    case "kill":
      return tab.kill();
    case "freeze":
      world.seen.add("freeze");
      return tab.freeze();
    case "thaw":
      return;
  }
}

function actOnStorage({ tabs: { storage }, seen }: World, does: string): void {
  seen.add("storage");
  if (does === "fails") storage.fault = new DOMException("denied", "SecurityError");
  if (does === "is full") storage.writeFault = new DOMException("full", "QuotaExceededError");
  if (does === "heals") storage.fault = storage.writeFault = null;
  if (does === "is cleared") storage.clear();
  if (does === "is garbage") { for (const key of storage.values.keys()) storage.values.set(key, "{garbage"); }
}

function act(world: World, action: Action): void {
  const { clock, network, server, seen } = world;
  if ("tab" in action) {
    const page = pick(world, action);
    return page && actOnPage(world, page, action);
  }
  switch (action.op) {
    case "open":
      if (world.pages.filter(({ tab }) => tab.isAlive).length < PAGES_MAX) openPage(world);
      return;
    case "fault":
      return network.fail(action.fault, action.target, action.count);
    case "offline":
      return network.goOffline(action.ms);
    case "jump":
      seen.add("jump");
      return clock.shiftWall(action.ms);
    case "sleep":
      seen.add("sleep");
      return clock.sleep(action.ms);
    case "storage":
      return actOnStorage(world, action.does);
    case "server": {
      seen.add("server");
      const state = pick(world, { tab: 0, op: "server" })?.client.state;
      if (action.does === "expires tokens") server.expireAccessTokens();
      if (action.does === "forgets tokens") server.forgetAccessTokens();
      if (action.does === "revokes the session" && state?.status === "authenticated") {
        server.revokeSession(state.sessionId);
      }
    }
  }
}

/** Plays a schedule in virtual time. @throws BrokenPromise */
export async function runSchedule({ setup, steps }: Schedule): Promise<World> {
  const clock = fakeClock();
  using _globals = useVirtualGlobals(clock, setup.seed);
  const world = await createWorld(setup, clock);
  using _watch = watchRejections(world);
  for (const step of steps) {
    world.note(`-- ${describeStep(step)}`);
    act(world, step.action);
    const { pause } = step;
    await clock.advance("ms" in pause ? pause.ms : pause.lifetimes * setup.ttlSeconds * 1_000);
    judgePatience(world);
    if (world.violations.length > 0) break;
  }
  if (world.violations.length === 0) await judgeEnd(world);
  for (const { client } of world.pages) client.dispose();
  await clock.advance(0);
  if (world.violations.length > 0) {
    throw new BrokenPromise(`${world.violations.join("\n")}\n\n${world.trace.join("\n")}`);
  }
  return world;
}

function watchRejections(world: World): Disposable {
  const listener = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    world.violate(`nobody caught ${event.reason}`);
  };
  globalThis.addEventListener("unhandledrejection", listener);
  return { [Symbol.dispose]: () => globalThis.removeEventListener("unhandledrejection", listener) };
}
