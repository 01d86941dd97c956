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
import type { Trpc } from "./trpc.ts";

/** The table of contents: one stanza a procedure, with its guard, input, output and flow. */
export function createAuthRouter({ t, own }: Trpc, deps: FlowDeps) {
  const { publicProcedure, protectedProcedure } = own;

  return t.router({
    register: publicProcedure
      .meta({ policy: { auth: "public" }, alone: true })
      .input(RegisterInput)
      .output(RegisterOutput)
      .mutation(({ input, ctx: { auth: { request } } }) => register(deps, { ...input, request })),

    login: publicProcedure
      .meta({ policy: { auth: "public" }, alone: true })
      .input(LoginInput)
      .output(LoginOutput)
      .mutation(({ input, ctx: { auth: { request } } }) => login(deps, { ...input, request })),

    refresh: publicProcedure
      .meta({ policy: { auth: "refresh token" }, alone: true })
      .input(RefreshInput)
      .output(Tokens)
      .mutation(({ input, ctx: { auth: { request } } }) => refresh(deps, { ...input, request })),

    logout: publicProcedure
      .meta({ policy: { auth: "bearer or refresh token" } })
      .input(LogoutInput)
      .output(Ok)
      .mutation(({ input, ctx: { auth: { request } } }) => logout(deps, { ...input, request })),

    me: protectedProcedure
      .input(NoInput)
      .output(Me)
      .query(({ ctx }) => me(deps, ctx.auth)),

    sessions: {
      list: protectedProcedure
        .input(NoInput)
        .output(z.array(Session))
        .query(({ ctx }) => listSessions(deps, ctx.auth)),

      revoke: protectedProcedure
        .input(RevokeSessionInput)
        .output(Ok)
        .mutation(({ input, ctx }) => revokeSession(deps, { ...input, identity: ctx.auth })),
    },
  });
}

/** The auth router, to be nested in an app's own. */
export type AuthRouter = ReturnType<typeof createAuthRouter>;
