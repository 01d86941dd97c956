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

/** The table of contents: one stanza a procedure, with its guard, input, output and flow. */
export function createAuthRouter(trpc: Trpc, deps: FlowDeps) {
  const open = (policy: Policy) => trpc.open(policy, { own: true });
  const alone = (policy: Policy) => open(policy).meta({ policy, own: true, alone: true, setsCookie: true });
  const signedIn = trpc.guarded({ auth: "required" }, { own: true });

  return trpc.t.router({
    register: alone({ auth: "public" })
      .input(RegisterInput)
      .output(RegisterOutput)
      .mutation(({ input, ctx: { auth: { request } } }) => register(deps, { ...input, request })),

    login: alone({ auth: "public" })
      .input(LoginInput)
      .output(LoginOutput)
      .mutation(({ input, ctx: { auth: { request } } }) => login(deps, { ...input, request })),

    refresh: alone({ auth: "refresh token" })
      .input(RefreshInput)
      .output(Tokens)
      .mutation(({ input, ctx: { auth: { request } } }) => refresh(deps, { ...input, request })),

    logout: open({ auth: "bearer or refresh token" })
      .meta({ policy: { auth: "bearer or refresh token" }, own: true, setsCookie: true })
      .input(LogoutInput)
      .output(Ok)
      .mutation(({ input, ctx: { auth: { request } } }) => logout(deps, { ...input, request })),

    me: signedIn
      .input(NoInput)
      .output(Me)
      .query(({ ctx }) => me(deps, ctx.auth)),

    stepUp: trpc.guarded({ auth: "required", revocation: "strict" }, { own: true })
      .meta({ policy: { auth: "required", revocation: "strict" }, own: true, alone: true, setsCookie: true })
      .input(StepUpInput)
      .output(Tokens)
      .mutation(({ input, ctx }) => stepUp(deps, { proof: input, identity: ctx.auth })),

    sessions: {
      list: signedIn
        .input(NoInput)
        .output(z.array(Session))
        .query(({ ctx }) => listSessions(deps, ctx.auth)),

      revoke: signedIn
        .input(RevokeSessionInput)
        .output(Ok)
        .mutation(({ input, ctx }) => revokeSession(deps, { ...input, identity: ctx.auth })),
    },
  });
}

/** The auth router, to be nested in an app's own. */
export type AuthRouter = ReturnType<typeof createAuthRouter>;
