import type { Page } from "./page.ts";
import type { World } from "./world.ts";

/** A page left a session, or its user asked it to. */
export interface SignOut {
  page: Page;
  sessionId: string;
  /** On the monotonic clock. */
  at: number;
  /** It was its user's wish, which ends whatever the browser then has. */
  isByUser: boolean;
}

/**
 * Within this, what one tab stores and what another one removes may cross. Without locks nobody waits for a tab that is
 * just signing in or stepping up.
 */
const crossingMs = ({ setup }: World) => setup.hasLocks ? 100 : 6_000;

function isLive({ server, clock }: World, sessionId: string): boolean {
  const session = server.findSession(sessionId);
  if (session === undefined) return false;
  const { endedBy, epoch, user, idleExpiresAt, absoluteExpiresAt } = session;
  const isUnexpired = Math.min(idleExpiresAt, absoluteExpiresAt) > clock.time();
  return endedBy === null && epoch >= user.tokenEpoch && isUnexpired;
}

/** Another tab left this session, or the one that took its place in the browser. */
function wasLeftElsewhere(world: World, page: Page, sessionId: string): boolean {
  const { signOuts, bornAt } = world;
  const bornHere = (bornAt.get(sessionId) ?? 0) - crossingMs(world);
  return signOuts.some((one) => {
    const isSameOrLater = one.isByUser || (bornAt.get(one.sessionId) ?? 0) >= bornHere;
    return one.page !== page && one.at >= bornHere && isSameOrLater;
  });
}

/** The browser had long stored another session in its place, and that one lives. */
function hasMovedOn(world: World, sessionId: string): boolean {
  const { bornAt, clock, signOuts } = world;
  return [...bornAt].some(([id, at]) =>
    at > (bornAt.get(sessionId) ?? 0) && clock.monotonic() - at > crossingMs(world) && isLive(world, id) &&
    !signOuts.some((one) => one.at >= at - crossingMs(world))
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
