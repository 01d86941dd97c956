import type { AnyTRPCRouter } from "@trpc/server";
import type { Context } from "./trpc.ts";

/** A tRPC root whose context has what the auth router reads. */
interface RootWithAuth {
  _config: { $types: { ctx: Context } };
}

/**
 * Nests the auth router under a tRPC root of your own, which tRPC would let pass whatever that root's context is. Here
 * a context without `auth` does not compile.
 *
 * @example
 * ```ts ignore
 * const t = initTRPC.context<Context & { tenant: string }>().create({ transformer: superjson });
 * const appRouter = t.router({ auth: mountAuth(t, auth.router), todo: todoRouter });
 * ```
 */
export function mountAuth<Router extends AnyTRPCRouter>(_root: RootWithAuth, authRouter: Router): Router {
  return authRouter;
}
