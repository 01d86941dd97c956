/**
 * The reference: what protocol.md promises about sessions, written as plainly as it can be. It knows nothing of
 * how the product does it: no hashes, no SQL, no locks. Times are seconds since 1970.
 *
 * @module
 */

/** Seconds. What a lane's instances are configured with. */
export interface Rules {
  accessSeconds: number;
  idleSeconds: number;
  absoluteSeconds: number;
  leewaySeconds: number;
  replaySeconds: number;
}

/** The bound S: how long an instance may go on without having heard of a revocation. */
export const STALENESS_SECONDS = 5;
const CLOCK_TOLERANCE_SECONDS = 5;

/** A revocation, and the instances that cannot claim not to have heard of it. */
export interface Denial {
  at: number;
  knownTo: number[];
}

/** One session. */
export interface ModelSession {
  user: string;
  epoch: number;
  generation: number;
  /** When the present generation was made, and by which attempt. */
  rotation: { at: number; attempt: string | null } | null;
  createdAt: number;
  idleAt: number;
  absoluteAt: number;
  revoked: Denial | null;
}

/** Everything that decides an answer. `raises[n]` took the user's epoch from n to n + 1. */
export interface Model {
  now: number;
  users: Record<string, { raises: Denial[] }>;
  sessions: Record<string, ModelSession>;
}

/** A refresh token that was issued, by what it says. */
export interface Genuine {
  text: string;
  session: string;
  generation: number;
}

/** A refresh token as it is presented. Forged ones carry no valid tag. */
export type Presented = { text: string; forged: true } | Genuine;

/** An access token that was issued, by what it says. */
export interface Access {
  text: string;
  session: string;
  user: string;
  epoch: number;
  expiresAt: number;
}

/** One request to one instance. */
export type Call =
  & { instance: number }
  & (
    /** `session` is known only from the answer. */
    | { kind: "login"; user: string; session: string }
    | { kind: "refresh"; token: Presented; attempt: string | null }
    | { kind: "stepUp"; access: Access; session: string }
    | { kind: "me" | "list" | "database" | "replica" | "strict"; access: Access }
    | { kind: "logout"; scope: "this" | "others" | "all"; access: Access | null; token: Presented | null }
    | { kind: "revoke"; access: Access; target: string }
  );

/** The session and its user's part in it. Unknown ids are bugs of the test. */
export function find(model: Model, id: string) {
  const session = model.sessions[id];
  const user = session && model.users[session.user];
  if (!session || !user) throw new Error(`the model has no session ${id}`);
  return { session, user };
}

/** The revocations that end a session, the epoch's among them. */
export function denialsOf(model: Model, id: string): Denial[] {
  const { session, user } = find(model, id);
  return [...(session.revoked ? [session.revoked] : []), ...user.raises.slice(session.epoch)];
}

export const isEnded = (model: Model, id: string): boolean => denialsOf(model, id).length > 0;
/** When a session ends by itself. */
export const expiresAt = ({ idleAt, absoluteAt }: ModelSession): number => Math.min(idleAt, absoluteAt);
export const isOver = (model: Model, session: ModelSession): boolean => model.now >= expiresAt(session);
/** Whether the session is neither ended nor over. */
export const isLive = (model: Model, id: string): boolean =>
  !isEnded(model, id) && !isOver(model, find(model, id).session);
export const isAccessExpired = (model: Model, access: Access): boolean =>
  model.now >= access.expiresAt + CLOCK_TOLERANCE_SECONDS;

/** Ends a session, unless it has ended. */
export function deny(session: ModelSession, now: number, knownTo: number[]): void {
  session.revoked ??= { at: now, knownTo };
}

/** A revocation by another writer than the product: known to no instance. */
export const denyBehind = (model: Model, id: string): void => deny(find(model, id).session, model.now, []);

/** An instance that starts knows every revocation so far. */
export function learnAll(model: Model, instance: number): void {
  const raises = Object.values(model.users).flatMap((user) => user.raises);
  const denials = Object.values(model.sessions).flatMap(({ revoked }) => revoked ?? []);
  for (const denial of [...raises, ...denials]) denial.knownTo.push(instance);
}
