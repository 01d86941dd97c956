import type { Auth } from "./create_auth.ts";

/** The router of the stand-alone service: the auth router, mounted as `auth`. */
export function createServiceRouter({ trpc, router }: Auth) {
  return trpc.router({ auth: router });
}

/** The type to give a client of the stand-alone service. */
export type AppRouter = ReturnType<typeof createServiceRouter>;
