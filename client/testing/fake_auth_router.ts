import { PASSWORD_MAX_CODE_POINTS, PASSWORD_MIN_CODE_POINTS } from "@watchword/shared/limits";
import type { Session, SignedIn, Tokens, User } from "@watchword/shared/contract";
import type { FakeGuard } from "./fake_guard.ts";
import { readFields } from "./fake_inputs.ts";
import { FakeRefusal } from "./fake_refusal.ts";
import type { FakeSession, FakeSessions, FakeUser } from "./fake_sessions.ts";
import { makeId } from "./fake_tokens.ts";
import type { FakeTrpc } from "./fake_trpc.ts";

interface FakeFlows {
  sessions: FakeSessions;
  guard: FakeGuard;
  now: () => number;
}

const iso = (ms: number) => new Date(ms).toISOString();
const canonical = (text: string) => text.normalize("NFKC").toLowerCase();
const ok = { ok: true } as const;

function toUser({ password: _, tokenEpoch: __, ...user }: FakeUser): User {
  return user;
}

function toSession(session: FakeSession, currentId: string): Session {
  return {
    id: session.id,
    current: session.id === currentId,
    createdAt: iso(session.createdAt),
    lastUsedAt: iso(session.rotatedAt ?? session.createdAt),
    authenticatedAt: iso(session.authenticatedAt),
    expiresAt: iso(Math.min(session.idleExpiresAt, session.absoluteExpiresAt)),
    userAgent: session.userAgent,
    ip: null,
    amr: ["pwd"],
  };
}

/** The auth procedures over the memory, with the inputs, answers and refusals of the real ones. */
export function createFakeAuthRouter({ t, bounded, guarded }: FakeTrpc, { sessions, guard, now }: FakeFlows) {
  const alone = bounded({ own: true, alone: true });
  const signedIn = guarded({ auth: "required" }, { own: true });

  function requireCurrent(sessionId: string): FakeSession {
    const session = sessions.sessions.get(sessionId);
    if (session === undefined) throw new FakeRefusal("SESSION_REVOKED", { executed: true });
    return session;
  }

  function signIn(user: FakeUser, userAgent: string | null): SignedIn {
    const tokens = sessions.issue(sessions.open(user, userAgent));
    return { status: "signed_in", user: toUser(user), tokens };
  }

  /** The session that a caller proved to hold, by bearer, refresh token or both. */
  function readProof(authorization: string | null, refreshToken: string | undefined) {
    const bearer = guard.readBearer(authorization);
    if (bearer.status === "invalid") throw new FakeRefusal("TOKEN_INVALID");
    const held = refreshToken ? sessions.findByRefreshToken(refreshToken) : null;
    if (refreshToken && held === null) throw new FakeRefusal("REFRESH_INVALID");
    const session = "access" in bearer ? bearer.access.session : held?.session;
    if (session === undefined) throw new FakeRefusal("TOKEN_MISSING");
    if (held !== null && held.session !== session) throw new FakeRefusal("FORBIDDEN");
    return { session, held, bearerIsValid: bearer.status === "valid" };
  }

  function requireLive({ session, held, bearerIsValid }: ReturnType<typeof readProof>): void {
    if (sessions.isEnded(session)) throw new FakeRefusal("SESSION_REVOKED");
    if (!sessions.isLive(session)) throw new FakeRefusal("REFRESH_EXPIRED");
    if (bearerIsValid) return;
    if (held === null) throw new FakeRefusal("TOKEN_EXPIRED");
    if (held.generation < session.generation - 1) throw new FakeRefusal("REFRESH_INVALID");
  }

  return t.router({
    register: alone.input(
      readFields({ required: ["password"], optional: ["email", "username"], mayBeEmpty: ["password"] }),
    )
      .mutation(({ input, ctx: { auth: { request } } }): SignedIn => {
        const { password } = input;
        const email = input.email === undefined ? null : canonical(input.email);
        const username = input.username?.toLowerCase() ?? null;
        if (email === null && username === null) throw new FakeRefusal("INPUT_INVALID");
        const length = Array.from(password).length;
        if (length > PASSWORD_MAX_CODE_POINTS) throw new FakeRefusal("PASSWORD_TOO_LONG");
        if (length < PASSWORD_MIN_CODE_POINTS) throw new FakeRefusal("PASSWORD_TOO_SHORT");
        const names = [email, username].filter((name) => name !== null);
        if (names.some((name) => password.toLowerCase() === name)) throw new FakeRefusal("PASSWORD_PERSONAL");
        const isTaken = names.some((name) => sessions.findUser(name) !== null);
        if (isTaken) throw new FakeRefusal("IDENTIFIER_TAKEN", { executed: true });
        const user: FakeUser = {
          id: makeId(),
          email,
          username,
          emailVerified: false,
          roles: [],
          createdAt: iso(now()),
          password,
          tokenEpoch: 0,
        };
        sessions.users.set(user.id, user);
        return signIn(user, request.userAgent);
      }),

    login: alone.input(readFields({ required: ["identifier", "password"] }))
      .mutation(({ input, ctx: { auth: { request } } }): SignedIn => {
        const user = sessions.findUser(canonical(input.identifier));
        if (user?.password !== input.password) {
          throw new FakeRefusal("INVALID_CREDENTIALS", { executed: true });
        }
        return signIn(user, request.userAgent);
      }),

    refresh: alone.input(readFields({ optional: ["refreshToken", "attemptId"] }))
      .mutation(({ input }): Tokens => sessions.rotate(input.refreshToken ?? "", input.attemptId ?? null)),

    logout: bounded({ own: true }).input(readFields({ optional: ["scope", "refreshToken"] }))
      .mutation(({ input, ctx: { auth: { request } } }) => {
        const proof = readProof(request.authorization, input.refreshToken);
        const { session } = proof;
        const { scope = "this" } = input;
        if (scope !== "this") requireLive(proof);
        if (scope === "this") sessions.end(session, "logout");
        if (scope === "all") sessions.endAll(session.user);
        if (scope === "others") {
          for (const other of sessions.list(session.user)) {
            if (other !== session) sessions.end(other, "logout others");
          }
        }
        return ok;
      }),

    me: signedIn.input(readFields({})).query(({ ctx: { auth } }) => {
      const session = requireCurrent(auth.sessionId);
      return { user: toUser(session.user), session: toSession(session, session.id), claims: auth.claims };
    }),

    stepUp: guarded({ auth: "required" }, { own: true, alone: true })
      .input((input): { password: string } | { code: string } =>
        "code" in Object(input)
          ? readFields({ required: ["code"] })(input)
          : readFields({ required: ["password"] })(input)
      )
      .mutation(({ input, ctx: { auth } }): Tokens => {
        const session = requireCurrent(auth.sessionId);
        // No second factor is enrolled, so no code is right.
        if ("code" in input) throw new FakeRefusal("MFA_INVALID", { executed: true });
        if (input.password !== session.user.password) {
          throw new FakeRefusal("INVALID_CREDENTIALS", { executed: true });
        }
        const next = sessions.open(session.user, session.userAgent);
        sessions.end(session, "step up");
        return sessions.issue(next);
      }),

    sessions: {
      list: signedIn.input(readFields({})).query(({ ctx: { auth } }) =>
        sessions.list(requireCurrent(auth.sessionId).user).map((one) => toSession(one, auth.sessionId))
      ),

      revoke: signedIn.input(readFields({ required: ["sessionId"] })).mutation(({ input, ctx: { auth } }) => {
        const session = sessions.sessions.get(input.sessionId.toLowerCase());
        if (session?.user.id !== auth.userId) throw new FakeRefusal("NOT_FOUND", { executed: true });
        sessions.end(session, "revoked by user");
        return ok;
      }),
    },
  });
}
