import {
  LoginInput,
  LoginOutput,
  LogoutInput,
  Me,
  NoInput,
  Ok,
  RefreshInput,
  RegisterInput,
  RegisterOutput,
  RevokeSessionInput,
  Session,
  StepUpInput,
  Tokens,
} from "@watchword/shared";
import { z } from "zod";
import { me } from "./flows/account/me.ts";
import { register } from "./flows/account/register.ts";
import type { FlowDeps } from "./flows/deps.ts";
import { listSessions } from "./flows/session/list_sessions.ts";
import { login } from "./flows/session/login.ts";
import { logout } from "./flows/session/logout.ts";
import { refresh } from "./flows/session/refresh.ts";
import { revokeSession } from "./flows/session/revoke_session.ts";
import { stepUp } from "./flows/session/step_up.ts";
import type { Policy } from "./guard.ts";
import type { Trpc } from "./trpc.ts";

const bearer = ["TOKEN_MISSING", "TOKEN_INVALID", "TOKEN_EXPIRED", "SESSION_REVOKED"] as const;
const newPassword = [
  "PASSWORD_TOO_SHORT",
  "PASSWORD_TOO_LONG",
  "PASSWORD_COMMON",
  "PASSWORD_PERSONAL",
] as const;

/** The table of contents: one stanza a procedure, with its guard, input, output and flow. */
export function createAuthRouter(trpc: Trpc, deps: FlowDeps) {
  const open = (policy: Policy) => trpc.open(policy, { own: true });
  const alone = (policy: Policy) => open(policy).meta({ alone: true, setsCookie: true });
  const signedIn = trpc.guarded({ auth: "required" }, { own: true });

  return trpc.t.router({
    register: alone({ auth: "public" })
      .meta({
        rest: "POST /v1/register 201",
        summary: "Creates an account and signs it in",
        refusals: ["REGISTRATION_CLOSED", "IDENTIFIER_TAKEN", ...newPassword, "RATE_LIMITED", "OVERLOADED"],
      })
      .input(RegisterInput)
      .output(RegisterOutput)
      .mutation(({ input, ctx: { auth: { request } } }) => register(deps, { ...input, request })),

    login: alone({ auth: "public" })
      .meta({
        rest: "POST /v1/login",
        summary: "Signs in with an identifier and a password",
        refusals: ["INVALID_CREDENTIALS", "PASSWORD_TOO_LONG", "RATE_LIMITED", "OVERLOADED"],
      })
      .input(LoginInput)
      .output(LoginOutput)
      .mutation(({ input, ctx: { auth: { request } } }) => login(deps, { ...input, request })),

    refresh: alone({ auth: "refresh token" })
      .meta({
        rest: "POST /v1/token/refresh",
        summary: "Exchanges a refresh token for its one successor and a fresh access token",
        refusals: ["REFRESH_INVALID", "REFRESH_EXPIRED", "REFRESH_REUSED", "SESSION_REVOKED", "RATE_LIMITED"],
      })
      .input(RefreshInput)
      .output(Tokens)
      .mutation(({ input, ctx: { auth: { request } } }) => refresh(deps, { ...input, request })),

    logout: open({ auth: "bearer or refresh token" })
      .meta({
        setsCookie: true,
        rest: "POST /v1/logout",
        summary: "Ends this session, the others, or all",
        refusals: [...bearer, "REFRESH_INVALID", "REFRESH_EXPIRED", "FORBIDDEN", "RATE_LIMITED"],
      })
      .input(LogoutInput)
      .output(Ok)
      .mutation(({ input, ctx: { auth: { request } } }) => logout(deps, { ...input, request })),

    me: signedIn
      .meta({ rest: "GET /v1/me", summary: "Reads the caller's account and current session" })
      .input(NoInput)
      .output(Me)
      .query(({ ctx }) => me(deps, ctx.auth)),

    stepUp: trpc.guarded({ auth: "required", revocation: "strict" }, { own: true })
      .meta({
        alone: true,
        setsCookie: true,
        rest: "POST /v1/step-up",
        summary: "Proves again who the caller is, in a new session that takes this one's place",
        refusals: ["INVALID_CREDENTIALS", "MFA_INVALID", "PASSWORD_TOO_LONG", "RATE_LIMITED", "OVERLOADED"],
      })
      .input(StepUpInput)
      .output(Tokens)
      .mutation(({ input, ctx }) => stepUp(deps, { proof: input, identity: ctx.auth })),

    sessions: {
      list: signedIn
        .meta({ rest: "GET /v1/sessions", summary: "Lists the caller's live sessions" })
        .input(NoInput)
        .output(z.array(Session))
        .query(({ ctx }) => listSessions(deps, ctx.auth)),

      revoke: signedIn
        .meta({
          rest: "DELETE /v1/sessions/{sessionId}",
          summary: "Ends one of the caller's sessions",
          refusals: ["NOT_FOUND"],
        })
        .input(RevokeSessionInput)
        .output(Ok)
        .mutation(({ input, ctx }) => revokeSession(deps, { ...input, identity: ctx.auth })),
    },
  });
}
