import { createTRPCClient, httpBatchLink, type TRPCClient, type TRPCLink } from "@trpc/client";
import type { AnyTRPCRouter, inferRouterInputs } from "@trpc/server";
import type { AuthRouter, ServiceRouter } from "@watchword/shared/contract";
import { type Auth, createSession, presentFetch, type SessionOptions, trimUrl } from "./create_session.ts";

/** What a terminating link of {@link createAuthClient} is made of. */
export interface LinkSettings {
  url: string;
  fetch: typeof fetch;
  transformer: unknown;
}

/** Makes the link that subscriptions go through; the entries `sse` and `ws` have one each. */
export type SubscriptionLink = <R extends AnyTRPCRouter>(auth: Auth, settings: LinkSettings) => TRPCLink<R>;

/** Settings of {@link createAuthClient}. */
export type AuthClientOptions = Omit<SessionOptions, "url" | "apiUrl" | "mount" | "transformer"> & {
  /** The tRPC endpoint, such as `http://127.0.0.1:8000/trpc`. */
  url: string | URL;
  /** Where the auth router is, if it is served from somewhere else. @default url */
  authUrl?: string | URL;
  /** How subscriptions travel, for example `sseSubscriptions()`. Without it a subscription fails. */
  subscriptions?: SubscriptionLink;
};

type RecordOf<R extends AnyTRPCRouter> = R["_def"]["record"];

/** Demands the transformer that the router was made with. */
type TransformerOption<R extends AnyTRPCRouter> = R["_def"]["_config"]["$types"]["transformer"] extends true
  ? { transformer: unknown }
  : { transformer?: never };

/** Demands that the auth router stands where the client looks for it. */
type MountOption<R extends AnyTRPCRouter, M extends string> = M extends keyof RecordOf<R>
  ? inferRouterInputs<R>[M] extends inferRouterInputs<AuthRouter> ? { mount?: M }
  : { mount: `the router at "${M}" is not the auth router` }
  : { mount: `the router has nothing at "${M}"` };

/** A client of one session: your procedures, and a session that renews itself. */
export interface AuthClient<R extends AnyTRPCRouter = ServiceRouter> extends Auth {
  /** Your procedures, typed. */
  readonly trpc: TRPCClient<R>;
}

/**
 * Builds a client over an app's router.
 *
 * @example
 * ```ts ignore
 * const auth = createAuthClient<AppRouter>({ url: "http://127.0.0.1:8000/trpc" });
 * await auth.login({ identifier: "ada", password });
 * await auth.trpc.auth.me.query();
 * ```
 */
export function createAuthClient<R extends AnyTRPCRouter = ServiceRouter, const M extends string = "auth">(
  options: AuthClientOptions & TransformerOption<R> & MountOption<R, M>,
): AuthClient<R> {
  const { url, authUrl, subscriptions, fetch = presentFetch }: AuthClientOptions = options;
  const { transformer } = options;
  // What serves auth from somewhere else is the service, which has no transformer.
  const auth = createSession({
    ...options,
    apiUrl: url,
    ...(authUrl && { url: authUrl, transformer: undefined }),
  });
  const settings: LinkSettings = { url: trimUrl(url), transformer, fetch };
  // The options depend on the router's transformer, which is unknown for a generic router.
  const batchLink = httpBatchLink as (options: object) => TRPCLink<R>;
  const ending: TRPCLink<R> = (runtime) => {
    const call = batchLink({ ...settings, ...auth.http() })(runtime);
    const stream = subscriptions<R>?.(auth, settings)(runtime) ?? call;
    return (step) => step.op.type === "subscription" ? stream(step) : call(step);
  };
  const trpc = createTRPCClient<R>({ links: [auth.link<R>(), ending] });
  // Not spread: the state of a session is read through a getter.
  return Object.assign(auth, { trpc });
}
