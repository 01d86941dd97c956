import type { Tokens, User } from "@watchword/shared/contract";
import { FakeRefusal } from "./fake_refusal.ts";
import { makeAccessToken, makeId, makeRefreshToken } from "./fake_tokens.ts";

/** Lifetimes, in seconds. */
export interface FakeLifetimes {
  accessSeconds: number;
  idleSeconds: number;
  absoluteSeconds: number;
  leewaySeconds: number;
  replaySeconds: number;
}

/** An account, with the password as it is typed. */
export interface FakeUser extends User {
  password: string;
  tokenEpoch: number;
}

/** A session, as the database would hold it. Instants are milliseconds since 1970. */
export interface FakeSession {
  id: string;
  user: FakeUser;
  epoch: number;
  generation: number;
  /** By generation; the last one is current. */
  refreshTokens: string[];
  attemptId: string | null;
  createdAt: number;
  rotatedAt: number | null;
  authenticatedAt: number;
  idleExpiresAt: number;
  absoluteExpiresAt: number;
  userAgent: string | null;
  /** Null while it lives. */
  endedBy: string | null;
}

/** What an access token was made for. */
export interface FakeAccess {
  session: FakeSession;
  epoch: number;
  /** Seconds since 1970. */
  expiresAt: number;
  /** The server no longer takes it for one of its own. */
  isForgotten: boolean;
}

/** Users, sessions and their tokens: the server's whole memory. */
export type FakeSessions = ReturnType<typeof createFakeSessions>;

/** Builds the memory. Rotation follows the decision table of the protocol, row by row. */
export function createFakeSessions(now: () => number, lifetimes: FakeLifetimes) {
  const users = new Map<string, FakeUser>();
  const sessions = new Map<string, FakeSession>();
  const accesses = new Map<string, FakeAccess>();
  const refreshes = new Map<string, { session: FakeSession; generation: number }>();

  function mintRefreshToken(session: FakeSession): void {
    const token = makeRefreshToken();
    session.refreshTokens.push(token);
    refreshes.set(token, { session, generation: session.generation });
  }

  const isEnded = ({ endedBy, epoch, user }: FakeSession) => endedBy !== null || epoch < user.tokenEpoch;
  const isExpired = ({ idleExpiresAt, absoluteExpiresAt }: FakeSession) =>
    Math.min(idleExpiresAt, absoluteExpiresAt) <= now();
  const isLive = (session: FakeSession) => !isEnded(session) && !isExpired(session);
  const idleEnd = ({ absoluteExpiresAt }: Pick<FakeSession, "absoluteExpiresAt">) =>
    Math.min(absoluteExpiresAt, now() + lifetimes.idleSeconds * 1_000);

  function issue(session: FakeSession): Tokens {
    const { user, epoch } = session;
    const iat = Math.floor(now() / 1_000);
    const exp = Math.min(iat + lifetimes.accessSeconds, Math.floor(session.absoluteExpiresAt / 1_000));
    const authTime = Math.floor(session.authenticatedAt / 1_000);
    const claims = { sub: user.id, sid: session.id, ep: epoch, iat, exp, jti: makeId(), roles: user.roles };
    const accessToken = makeAccessToken({ ...claims, auth_time: authTime, amr: ["pwd"] });
    accesses.set(accessToken, { session, epoch, expiresAt: exp, isForgotten: false });
    return {
      tokenType: "Bearer",
      accessToken,
      expiresInSeconds: Math.max(0, exp - iat),
      refreshToken: session.refreshTokens.at(-1) ?? "",
      refreshExpiresInSeconds: Math.max(0, Math.floor((session.idleExpiresAt - now()) / 1_000)),
      sessionId: session.id,
      generation: session.generation,
      serverTime: new Date(now()).toISOString(),
    };
  }

  return {
    users,
    sessions,
    accesses,
    isLive,
    isEnded,
    issue,
    findByRefreshToken: (token: string) => refreshes.get(token) ?? null,
    findUser: (identifier: string) =>
      [...users.values()].find(({ email, username }) => identifier === email || identifier === username) ??
        null,
    open(user: FakeUser, userAgent: string | null): FakeSession {
      const absoluteExpiresAt = now() + lifetimes.absoluteSeconds * 1_000;
      const session: FakeSession = {
        id: makeId(),
        user,
        epoch: user.tokenEpoch,
        generation: 0,
        refreshTokens: [],
        attemptId: null,
        createdAt: now(),
        rotatedAt: null,
        authenticatedAt: now(),
        idleExpiresAt: idleEnd({ absoluteExpiresAt }),
        absoluteExpiresAt,
        userAgent,
        endedBy: null,
      };
      sessions.set(session.id, session);
      mintRefreshToken(session);
      return session;
    },
    end(session: FakeSession, reason: string): void {
      session.endedBy ??= reason;
    },
    endAll(user: FakeUser): void {
      user.tokenEpoch++;
    },
    /** The most recently used first; the clock stands, so the latest of equals. */
    list: (user: FakeUser) =>
      [...sessions.values()].reverse().filter((session) => session.user === user && isLive(session))
        .sort((a, b) => (b.rotatedAt ?? b.createdAt) - (a.rotatedAt ?? a.createdAt)),
    /** Exchanges a refresh token for its one successor. @throws FakeRefusal */
    rotate(token: string, attemptId: string | null): Tokens {
      const found = refreshes.get(token);
      if (found === undefined) throw new FakeRefusal("REFRESH_INVALID");
      const { session, generation } = found;
      if (isEnded(session)) throw new FakeRefusal("SESSION_REVOKED", { executed: true });
      if (isExpired(session)) throw new FakeRefusal("REFRESH_EXPIRED", { executed: true });
      if (generation === session.generation) {
        session.generation++;
        session.attemptId = attemptId;
        session.rotatedAt = now();
        session.idleExpiresAt = idleEnd(session);
        mintRefreshToken(session);
        return issue(session);
      }
      const isSameAttempt = attemptId !== null && attemptId === session.attemptId;
      const windowSeconds = isSameAttempt
        ? Math.max(lifetimes.replaySeconds, lifetimes.leewaySeconds)
        : lifetimes.leewaySeconds;
      const isPrevious = generation === session.generation - 1;
      if (isPrevious && now() - (session.rotatedAt ?? 0) < windowSeconds * 1_000) return issue(session);
      session.endedBy = "reuse";
      throw new FakeRefusal("REFRESH_REUSED", { executed: true });
    },
  };
}
