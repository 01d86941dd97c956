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
import type { AuthErrorData, Reason } from "@watchword/shared/reasons";
import type { Access } from "./access.ts";
import type { AuthApi } from "./auth_api.ts";
import { authClientError } from "./auth_client_error.ts";
import { isTokenReason } from "./auth_reason.ts";
import { limit } from "./limit.ts";
import type { Session } from "./session.ts";
import { isTokens } from "./session_record.ts";
import { verdicts } from "./session_state.ts";

// The service did not say, or nobody could: these are thrown, the rest is for a form to show.
type ThrownReason = "UNAVAILABLE" | "OVERLOADED" | "INTERNAL";
const thrownReasons: readonly string[] = ["UNAVAILABLE", "OVERLOADED", "INTERNAL"] satisfies ThrownReason[];

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
    if (accessToken) revocations = [...revocations, accessToken].slice(-REVOCATIONS_MAX);
  }

  function revokeLater(): void {
    for (const accessToken of revocations.splice(0)) {
      // Without the cookie, which may be another session's by now.
      api<Ok>("logout", {}, { accessToken, isBearerOnly: true }).then(({ reason }) => {
        if (reason === "RATE_LIMITED" || thrownReasons.includes(reason!)) revoke(accessToken);
      }, () => revoke(accessToken));
    }
  }

  /** Lets the server end what came too late to be of use. */
  function discard({ accessToken }: Tokens): Error {
    revoke(accessToken);
    revokeLater();
    return authClientError("session_changed");
  }

  // In cookie mode the last answer has the last word, so what sets the cookie comes one by one.
  const inTurn = <T>(run: () => Promise<T>, signal: AbortSignal | undefined) =>
    limit(() => isCookieMode ? session.replace(run) : run(), { signals: [signal] });

  function signIn<Result>(procedure: string, input: unknown, signal?: AbortSignal): Promise<Result> {
    const mine = ++turn;
    return inTurn(async () => {
      if (mine !== turn) throw authClientError("session_changed");
      const sent = session.takeStamp();
      const { data, ...refusal } = await api<SignedIn>(procedure, input, { signal });
      revokeLater();
      if (!data) return toRejected(refusal as AuthErrorData) as Result;
      const { user, tokens } = data;
      if (!tokens) return data as Result;
      if (!isTokens(tokens) || !user?.id) throw authClientError("unreachable");
      await session.ready;
      if (mine !== turn || signal?.aborted) throw discard(tokens);
      await session.signIn(user, tokens, sent);
      return { status: "signed_in", user } as Result;
    }, signal);
  }

  async function requireAccess(signal: AbortSignal | undefined): Promise<Access> {
    const access = await limit(() => session.peek() ?? session.acquire(), { signals: [signal] });
    if (!access) throw authClientError("signed_out");
    return access;
  }

  async function stepUp(input: StepUpInput, { signal }: CallOptions = {}): Promise<StepUpResult> {
    const { epoch } = session;
    const { accessToken, sessionId } = await requireAccess(signal);
    const replaced = () =>
      session.replace(async () => {
        if (epoch !== session.epoch) throw session.epochError();
        const sent = session.takeStamp();
        const answer = await api<Tokens>("stepUp", input, { accessToken, signal });
        if (!isTokens(answer.data)) return answer;
        const { state } = session;
        if (epoch !== session.epoch || state.status !== "authenticated") throw discard(answer.data);
        await session.signIn(state.user, answer.data, sent);
        return answer;
      });
    const { data, ...refusal } = await limit(replaced, { signals: [signal] });
    if (isTokens(data)) return { status: "stepped_up" };
    if (data) throw authClientError("unreachable");
    await session.endBy(refusal.reason, sessionId);
    return toRejected(refusal as AuthErrorData) as StepUpResult;
  }

  async function logoutOthers(signal: AbortSignal | undefined): Promise<void> {
    const { accessToken, sessionId } = await requireAccess(signal);
    const { reason } = await api<Ok>("logout", { scope: "others" }, { accessToken, signal });
    if (!reason) return;
    await session.endBy(reason, sessionId);
    throw authClientError(session.peek() === null ? "signed_out" : "unreachable", { cause: reason });
  }

  async function logout(
    { scope = "this", signal }: CallOptions & { scope?: LogoutScope } = {},
  ): Promise<void> {
    await session.ready;
    if (scope === "others") return await logoutOthers(signal);
    const mine = ++turn;
    const isLive = session.ttlMs() > 0;
    let ended = await session.signOut();
    if (!ended) return;
    const { state } = session;
    // What the same user had moved on to in another tab ends too.
    const isSuccessor = mine === turn && "user" in state && state.user.id === ended.user.id;
    if (isSuccessor) ended = await session.signOut() ?? ended;
    const { accessToken, refreshToken } = ended;
    // In cookie mode the cookie may be somebody else's by now.
    const isBearerOnly = session.state.status === "authenticated";
    if (isCookieMode && isBearerOnly && !accessToken) return;
    const ask = (accessToken?: string) =>
      api<Ok>("logout", isCookieMode ? { scope } : { scope, refreshToken }, {
        signal,
        accessToken,
        isBearerOnly,
      });
    try {
      // A genuine token ends its own session even when it is over; for more than that, one of them must live.
      let { reason } = await inTurn(() => ask(isLive || scope === "this" ? accessToken : undefined), signal);
      // Its key is gone: the refresh token is proof enough.
      if (isTokenReason(reason)) ({ reason } = await ask());
      const isOver = reason && verdicts[reason];
      // This session was over already, which is what was asked for.
      if (reason && !(isOver && scope === "this")) {
        throw authClientError(isOver ? "signed_out" : "unreachable", { cause: reason });
      }
    } catch (error) {
      revoke(accessToken);
      // The cookie may have been in the way.
      if (isCookieMode) revokeLater();
      // Nobody is there any more who could tell the server later.
      if (scope === "all" || session.epochError().code === "disposed") throw error;
    }
  }

  return {
    register: (input, { signal } = {}) => signIn("register", input, signal),
    login: (input, { signal } = {}) => signIn("login", input, signal),
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
    reason: reason as Rejected["reason"],
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  };
}
