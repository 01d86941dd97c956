import { openPage, startOp, thawPage } from "./page.ts";
import type { Page, World } from "./world.ts";

/** Above the longest back-off of a client. */
const QUIET_MS = 75_000;
/**
 * Two sends of 20 s, before and between them a lock (3 s), a refresh and a step-up (10 s each), and room for the storage.
 */
const PATIENCE_MS = 100_000;
/** A lock and a refresh, with room for the storage. */
const TOKEN_PATIENCE_MS = 20_000;
const REFRESH_AHEAD_SECONDS = 30;

/** Whether two rotations of a session may have been closer than a lifetime. */
const hurries = ["force", "jump", "sleep", "server", "storage"];

function judgeOps({ ops, violate }: World): void {
  for (const op of ops) {
    const { what, isMutation, ranAs, madeAs, outcome, page } = op;
    if (isMutation && ranAs.length > 1) violate(`${what} ran ${ranAs.length} times`);
    if (madeAs !== undefined && ranAs.some((userId) => userId !== madeAs)) {
      violate(`${what}, made as ${madeAs}, ran as ${ranAs.join(", ")}`);
    }
    if (outcome === null && page.tab.isAlive) violate(`${what} never settled`);
  }
}

/** Whatever hangs, a call comes to something in time. */
export function judgePatience({ ops, clock, violate }: World): void {
  const now = clock.monotonic();
  for (const { what, outcome, page: { tab, awakeSince }, startedAt } of ops) {
    const waitedMs = now - Math.max(startedAt, awakeSince);
    const isWaiting = outcome === null && tab.isAlive && !tab.isFrozen;
    const most = what.includes("token") ? TOKEN_PATIENCE_MS : PATIENCE_MS;
    if (isWaiting && waitedMs > most) violate(`${what} has waited for ${waitedMs} ms`);
  }
}

/** Sends a minute stay bounded, however hostile the surroundings. */
function judgeRefreshRate({ pages, setup, violate }: World): void {
  const most = Math.max(5, 2 * 60 / setup.ttlSeconds);
  for (const { name, refreshesAt } of pages) {
    for (const [index, at] of refreshesAt.entries()) {
      const count = refreshesAt.slice(index).filter((other) => other - at < 60_000).length;
      if (count > most) return violate(`${name} refreshed ${count} times in a minute`);
    }
  }
}

function judgeRotations({ network: { rotations }, server, bornAt, setup, seen, violate }: World): void {
  // Two rotations within the time that a request travels make its token one that was used before.
  const mayCross = ["force", "server", "storage"].some((hurry) => seen.has(hurry)) ||
    // What arrives while the device sleeps is old at once, and without locks its successor overtakes what is under way.
    !setup.hasLocks && seen.has("sleep") ||
    // Nothing then holds together what a page reads, and what it writes when it wakes.
    setup.storageDelayMs > 0 && seen.has("freeze");
  const youngest = Math.max(...bornAt.values());
  for (const [sessionId, at] of mayCross ? [] : bornAt) {
    // What becomes of a session that the browser has left behind, nobody notices.
    const isTheft = at === youngest && server.findSession(sessionId)?.endedBy === "reuse";
    if (isTheft) violate("a tab was taken for a thief");
  }
  if (!setup.hasLocks || hurries.some((hurry) => seen.has(hurry))) return;
  const marginSeconds = Math.min(REFRESH_AHEAD_SECONDS, setup.ttlSeconds / 2);
  const leastMs = (setup.ttlSeconds - marginSeconds) * 1_000 - Math.max(...setup.latenciesMs) - 4_000;
  for (const [index, { sessionId, at, generation }] of rotations.entries()) {
    const before = rotations.slice(0, index).findLast((one) => one.sessionId === sessionId);
    if (before !== undefined && at - before.at < leastMs) {
      violate(`generation ${generation} came ${at - before.at} ms after the one before`);
    }
  }
}

const isSignedIn = ({ client }: Page) => client.state.status === "authenticated";

/** With the network healed, whoever is signed in works again, and all tabs are of one mind. */
async function judgeRecovery(world: World): Promise<void> {
  const { clock, violate, seen, overSessions } = world;
  const open = world.pages.filter(({ tab }) => tab.isAlive);
  // Who could not read the storage looks again when the user comes back.
  globalThis.dispatchEvent(new Event("pageshow"));
  open.push(openPage(world));
  await clock.advance(5_000);
  // The first may find that another tab has moved on to another user.
  for (let round = 0; round < 2; round++) {
    const reads = open.filter(isSignedIn).map((page) =>
      startOp(world, { page, what: "read at the end" }, (id) => page.client.trpc.read.query({ id }))
    );
    await clock.advance(60_000);
    const failed = reads.filter(({ page, outcome }) => outcome !== "ok" && isSignedIn(page));
    for (const { what, outcome } of round > 0 ? failed : []) {
      violate(`${what} came to ${outcome}, and it is signed in`);
    }
  }
  const minds = new Set(
    open.map(({ client: { state } }) => "sessionId" in state ? state.sessionId : "anonymous"),
  );
  if (minds.size > 1) violate(`the tabs are of ${minds.size} minds`);
  // Where neither the storage nor the server could be told, nobody is left who knows.
  for (const sessionId of seen.has("storage") ? [] : minds) {
    if (overSessions.has(sessionId)) violate("a session that was signed out of is back");
  }
}

/** Heals everything, lets the dust settle, and looks. */
export async function judgeEnd(world: World): Promise<void> {
  const { clock, network, tabs: { storage }, pages } = world;
  world.note("-- all is well again");
  network.heal();
  storage.fault = storage.writeFault = null;
  for (const page of pages) thawPage(world, page);
  await clock.advance(QUIET_MS);
  await judgeRecovery(world);
  judgeOps(world);
  judgeRefreshRate(world);
  judgeRotations(world);
}
