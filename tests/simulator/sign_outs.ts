import type { Page, World } from "./world.ts";

/** Within this, what one tab stores and what another one removes may cross. */
const CROSSING_MS = 100;
/** Without locks nobody waits for a tab that is just signing in or stepping up. */
const UNGUARDED_MS = 6_000;

function isLive({ server, clock }: World, sessionId: string): boolean {
  const session = server.findSession(sessionId);
  if (session === undefined) return false;
  const { endedBy, epoch, user, idleExpiresAt, absoluteExpiresAt } = session;
  const isUnexpired = Math.min(idleExpiresAt, absoluteExpiresAt) > clock.time();
  return endedBy === null && epoch >= user.tokenEpoch && isUnexpired;
}

/** Another tab left this session, or the one that took its place in the browser. */
function wasLeftElsewhere({ setup, signOuts, bornAt }: World, page: Page, sessionId: string): boolean {
  const bornHere = bornAt.get(sessionId) ?? 0;
  return signOuts.some((one) => {
    if (one.page === page) return false;
    if (!setup.hasLocks && Math.abs(one.at - bornHere) < UNGUARDED_MS) return true;
    const isSameOrLater = one.isByUser || (bornAt.get(one.sessionId) ?? 0) >= bornHere - CROSSING_MS;
    return isSameOrLater && one.at >= bornHere - CROSSING_MS;
  });
}

/** The browser had long stored another session in its place, and that one lives. */
function hasMovedOn(world: World, sessionId: string): boolean {
  const { bornAt, clock, setup, signOuts, stored } = world;
  const crossingMs = setup.hasLocks ? CROSSING_MS : UNGUARDED_MS;
  return [...bornAt].some(([id, at]) =>
    at > (bornAt.get(sessionId) ?? 0) && stored.has(id) && clock.monotonic() - at > crossingMs &&
    isLive(world, id) &&
    !signOuts.some((one) => one.at >= at - crossingMs)
  );
}

/** Signed out only by the end of that session, by its own user, or after another tab was. */
export function judgeSignOut(
  world: World,
  page: Page,
  { sessionId, reason }: { sessionId: string; reason: string | null },
): void {
  const { clock, seen, signOuts, signedOutSessions, violate } = world;
  const wasElsewhere = wasLeftElsewhere(world, page, sessionId) || seen.has("storage");
  const isTrue = reason === "user"
    ? page.signingOut > 0
    : reason === "other_tab" || reason === "storage_cleared"
    ? wasElsewhere
    : !isLive(world, sessionId);
  if (!isTrue) violate(`${page.name} was signed out (${reason}) of a session that lives`);
  const isVerdict = reason !== "user" && reason !== "other_tab" && reason !== "storage_cleared";
  if (isVerdict && !seen.has("storage") && hasMovedOn(world, sessionId)) {
    violate(`${page.name} believed a verdict (${reason}) about a session that the browser has left behind`);
  }
  signOuts.push({ page, sessionId, at: clock.monotonic(), isByUser: false });
  if (page.signingOut > 0) signedOutSessions.add(sessionId);
}
