import { type AnyTRPCRouter, type inferRouterContext, TRPCError } from "@trpc/server";
import type { AuthRequest } from "../request.ts";
import type { Context } from "../trpc.ts";

/** What an app's `createContext` is given. */
export interface AppContextOptions {
  /** As it came; the body of a mutation has been read by then. */
  req: Request;
  /** Headers of the answer. */
  resHeaders: Headers;
  /** What becomes `ctx.auth`: nothing of it is verified yet. */
  auth: AuthRequest;
}

/** Makes what an app's procedures find in `ctx` beside `auth`. */
export type AppContext<Made extends object = object> = (options: AppContextOptions) => Made | Promise<Made>;

/** Beside a router, so that one whose context has no `auth` does not compile. */
export type RequireAuthIn<Router extends AnyTRPCRouter> = inferRouterContext<Router> extends Context ? unknown
  : "the context of this router has no `auth`";

/** How a router is served: one that asks for more than `auth` in its context needs `createContext`. */
export type ServeOptions<Router extends AnyTRPCRouter> = Context extends inferRouterContext<Router>
  ? [options?: { createContext?: AppContext }]
  : [options: { createContext: AppContext<Omit<inferRouterContext<Router>, "auth">> }];

interface RequestParts extends Omit<AppContextOptions, "resHeaders"> {
  /** Called only for an app that has a context of its own: most answers need no headers beside the usual. */
  openHeaders: () => Headers;
}

/** Tells whether what a `createContext` threw is the app's answer; anything else is a bug, which the edge answers. */
export function isRefusalOfApp(error: unknown): boolean {
  return error instanceof TRPCError && error.code !== "INTERNAL_SERVER_ERROR";
}

/** The context of a request: what the app adds, and `auth`, which it cannot replace. */
export function createRequestContext(
  createContext: AppContext | undefined,
  { req, auth, openHeaders }: RequestParts,
): Context | Promise<Context> {
  if (createContext === undefined) return { auth };
  return (async () => ({ ...await createContext({ req, auth, resHeaders: openHeaders() }), auth }))();
}
