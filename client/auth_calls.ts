import type {
  LoginInput,
  LogoutScope,
  MfaRequired,
  Ok,
  ReasonOf,
  RegisterInput,
  SignedIn,
  StepUpInput,
  Tokens,
  User,
  VerificationSent,
} from "@watchword/shared/contract";
import { type AuthErrorData, isTerminalReason, type Reason } from "@watchword/shared/reasons";
import { type AuthApi, untilAborted } from "./auth_api.ts";
import { authClientError } from "./auth_client_error.ts";
import type { Access } from "./access.ts";
import type { Session } from "./session.ts";
import { isTokens } from "./token_store.ts";

// The service did not say, or nobody could: these are thrown, the rest is for a form to show.
type ThrownReason = "UNAVAILABLE" | "OVERLOADED" | "INTERNAL";
const thrownReasons: readonly string[] = ["UNAVAILABLE", "OVERLOADED", "INTERNAL"] satisfies ThrownReason[];
const isPutOff = (reason: Reason) => reason === "RATE_LIMITED" || thrownReasons.includes(reason);

/** A call that the server refused, for a reason that a form can show. */
export interface Rejected<R extends Reason = Reason> {
  status: "rejected";
  reason: Exclude<R, ThrownReason>;
  retryAfterSeconds?: number;
}
/** What a sign-in led to. */
export type LoginResult = { status: "signed_in"; user: User } | MfaRequired | Rejected<ReasonOf<"login">>;
/** What a registration led to. */
export type RegisterResult =
  | { status: "signed_in"; user: User }
  | VerificationSent
  | Rejected<ReasonOf<"register">>;
/** What a step-up led to. */
export type StepUpResult = { status: "stepped_up" } | Rejected<ReasonOf<"stepUp">>;

/** Beside the input of a call. */
export interface CallOptions {
  signal?: AbortSignal;
}

/** The auth procedures, as an app calls them. */
export interface AuthCalls {
  /** @throws AuthClientError when the server cannot be reached or cannot tell */
  register(input: RegisterInput, options?: CallOptions): Promise<RegisterResult>;
  /** @throws AuthClientError when the server cannot be reached or cannot tell */
  login(input: LoginInput, options?: CallOptions): Promise<LoginResult>;
  /** Proves again who the user is. @throws AuthClientError `signed_out`, or when the server cannot tell */
  stepUp(input: StepUpInput, options?: CallOptions): Promise<StepUpResult>;
  /**
   * Ends this session, the user's others, or all. "this" and "all" sign out here at once, whatever the server says. Of
   * this session the server is told later if it cannot be reached: when the network, the user or a sign-in comes.
   *
   * @throws AuthClientError when the server did not end "others" or "all"
   */
  logout(options?: CallOptions & { scope?: LogoutScope }): Promise<void>;
}

const REVOCATIONS_MAX = 5;

/** Builds them. `revokeLater` tells the server of sessions that it could not be told of. */
export function createAuthCalls(
  { api, session, isCookieMode }: { api: AuthApi; session: Session; isCookieMode: boolean },
): AuthCalls & { revokeLater(): void } {
  // Access tokens of sessions that are to end: all that they can still do is end them.
  let revocations: string[] = [];
  // Rises with every sign-in and sign-out that was asked for: an answer to an earlier one is nobody's.
  let turn = 0;

  function revoke(accessToken: string): void {
    if (accessToken !== "") revocations = [...revocations, accessToken].slice(-REVOCATIONS_MAX);
  }

  function revokeLater(): void {
    const due = revocations;
    revocations = [];
    for (const accessToken of due) {
      // Without the cookie, which may be another session's by now.
      api.call<Ok>("logout", {}, { accessToken, isBearerOnly: true })
        .then((answer) => answer.ok || isPutOff(answer.auth.reason) && revoke(accessToken))
        .catch(() => revoke(accessToken));
    }
  }

  async function signIn<Out extends { status: string }>(
    procedure: string,
    input: unknown,
    { signal }: CallOptions,
  ) {
    const mine = ++turn;
    const sent = session.takeStamp();
    const answer = await api.call<Out | SignedIn>(procedure, input, { signal });
    revokeLater();
    if (!answer.ok) return toRejected(answer.auth);
    if (!("tokens" in answer.data)) return answer.data;
    const { user, tokens } = answer.data;
    if (!isTokens(tokens) || typeof user?.id !== "string") throw authClientError("unreachable");
    if (mine !== turn) throw discard(tokens);
    await session.signIn(user, tokens, sent);
    return { status: "signed_in", user };
  }

  /** Lets the server end what came too late to be of use. */
  function discard({ accessToken }: Tokens): Error {
    revoke(accessToken);
    revokeLater();
    return authClientError("session_changed");
  }

  async function requireAccess(signal: AbortSignal | undefined): Promise<Access> {
    const access = session.peek() ?? await untilAborted(session.acquire(), signal);
    if (access === null) throw authClientError("signed_out");
    return access;
  }

  async function stepUp(input: StepUpInput, { signal }: CallOptions = {}): Promise<StepUpResult> {
    const { accessToken, sessionId } = await requireAccess(signal);
    const { epoch } = session;
    const answer = await session.replace(async () => {
      const sent = session.takeStamp();
      const answer = await api.call<Tokens>("stepUp", input, { accessToken, signal });
      if (!answer.ok || !isTokens(answer.data)) return answer;
      const { state } = session;
      const isSame = epoch === session.epoch && state.status === "authenticated";
      if (!isSame) throw discard(answer.data);
      await session.signIn(state.user, answer.data, sent);
      return null;
    });
    if (answer === null) return { status: "stepped_up" };
    if (answer.ok) throw authClientError("unreachable");
    if (isTerminalReason(answer.auth.reason)) await session.endBy(answer.auth.reason, sessionId);
    return toRejected(answer.auth) as Rejected<ReasonOf<"stepUp">>;
  }

  async function logoutOthers(signal: AbortSignal | undefined): Promise<void> {
    const { accessToken, sessionId } = await requireAccess(signal);
    const answer = await api.call<Ok>("logout", { scope: "others" }, { accessToken, signal });
    if (answer.ok) return;
    const { reason } = answer.auth;
    if (isTerminalReason(reason)) await session.endBy(reason, sessionId);
    throw authClientError(session.state.status === "anonymous" ? "signed_out" : "unreachable", {
      cause: reason,
    });
  }

  async function logout(
    { scope = "this", signal }: CallOptions & { scope?: LogoutScope } = {},
  ): Promise<void> {
    await session.ready;
    if (scope === "others") return await logoutOthers(signal);
    turn++;
    const isLive = session.ttlMs() > 0;
    const ended = await session.signOut("user");
    if (ended === null) return;
    const { accessToken, refreshToken } = ended;
    try {
      const answer = await api.call<Ok>(
        "logout",
        isCookieMode ? { scope } : { scope, refreshToken },
        // A genuine token ends its own session even when it is over; for more than that, one of them must live.
        { signal, accessToken: isLive || scope === "this" ? accessToken : undefined },
      );
      if (answer.ok) return;
      const { reason } = answer.auth;
      const isOver = isTerminalReason(reason);
      // This session was over already, which is what was asked for.
      if (isOver && scope === "this") return;
      throw authClientError(isOver ? "signed_out" : "unreachable", { cause: reason });
    } catch (error) {
      revoke(accessToken);
      if (scope === "all") throw error;
    }
  }

  return {
    register: (input, call = {}) =>
      signIn<VerificationSent>("register", input, call) as Promise<RegisterResult>,
    login: (input, call = {}) => signIn<MfaRequired>("login", input, call) as Promise<LoginResult>,
    stepUp,
    logout,
    revokeLater,
  };
}

/** A result for what a form can show, an exception for the rest. */
function toRejected({ reason, retryAfterSeconds }: AuthErrorData): Rejected {
  if (thrownReasons.includes(reason)) {
    throw authClientError("unreachable", { cause: reason, retryAfterSeconds });
  }
  return {
    status: "rejected",
    reason: reason as Exclude<Reason, ThrownReason>,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  };
}
