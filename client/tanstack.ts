/**
 * TanStack Query over a session, with `createTRPCOptionsProxy` or by itself.
 *
 * @module
 */
import { reasons } from "@watchword/shared/reasons";
import { findAuthClientError } from "./auth_client_error.ts";
import { authReason } from "./auth_reason.ts";
import type { SessionState } from "./session_state.ts";

/** What is asked of the client: its session. */
interface Sessions {
  readonly state: SessionState;
  subscribe(changed: () => void): () => void;
}

interface Refetch {
  type: "active";
  stale?: boolean;
}

/** What is asked of TanStack's `QueryClient`, version 5. */
interface Queries {
  getQueryCache(): { getAll(): { reset(): void }[] };
  getMutationCache(): { clear(): void };
  removeQueries(filters: { type: "inactive" }): void;
  refetchQueries(filters: Refetch, options: { cancelRefetch: boolean }): Promise<unknown>;
}

/**
 * Builds TanStack's `retry` for queries. What the server refused for good, and what belongs to a session that is
 * over, is not asked again; an answer that says "later", and an error that is not ours, is, as TanStack does it.
 *
 * Not for mutations: the client sends one again by itself where the server said that it did not run.
 *
 * @param retries how often a query is asked again @default 3
 * @example
 * ```ts ignore
 * new QueryClient({ defaultOptions: { queries: { retry: authRetry() } } });
 * ```
 */
export function authRetry(retries = 3): (failureCount: number, error: unknown) => boolean {
  return (failureCount, error) => failureCount < retries && isWorthRetrying(error);
}

function isWorthRetrying(error: unknown): boolean {
  const reason = authReason(error);
  if (reason !== null) return reasons[reason]?.advice === "wait";
  return findAuthClientError(error)?.retryable ?? true;
}

/**
 * Keeps a query cache in step with the session.
 *
 * - Another user, or nobody: everything that is cached is dropped at once, what is in flight is cancelled, and what
 *   is still on the screen is fetched anew.
 * - The server can be reached again: what is on the screen and stale is fetched.
 * - A refresh: nothing.
 *
 * @returns what stops it
 */
export function bindQueryClient(auth: Sessions, queryClient: Queries): () => void {
  let known = findUserId(auth.state);
  let wasUnreachable = isUnreachable(auth.state);
  let timer: ReturnType<typeof setTimeout> | undefined;

  function follow(): void {
    const { state } = auth;
    const userId = findUserId(state);
    const hasChanged = known !== undefined && userId !== known;
    known = userId;
    if (hasChanged) {
      wasUnreachable = false;
      dropAll();
    } else if (isUnreachable(state)) wasUnreachable = true;
    else if (wasUnreachable && state.status === "authenticated" && state.freshness === "fresh") {
      wasUnreachable = false;
      refetch({ type: "active", stale: true });
    }
  }

  function dropAll(): void {
    // A mutation that waits for the network would be sent under the next user's name.
    queryClient.getMutationCache().clear();
    queryClient.removeQueries({ type: "inactive" });
    // Not `clear()`: what is mounted would go on showing what it has.
    for (const query of queryClient.getQueryCache().getAll()) query.reset();
    // After the screen has changed, so that nothing is asked for a page that is gone.
    clearTimeout(timer);
    timer = setTimeout(() => refetch({ type: "active" }));
  }

  function refetch(filters: Refetch): void {
    void queryClient.refetchQueries(filters, { cancelRefetch: false });
  }

  const unsubscribe = auth.subscribe(follow);
  return () => {
    clearTimeout(timer);
    unsubscribe();
  };
}

/** Null is nobody; undefined is not known yet. */
function findUserId(state: SessionState): string | null | undefined {
  if (state.status === "booting") return undefined;
  return state.status === "authenticated" ? state.user.id : null;
}

function isUnreachable(state: SessionState): boolean {
  return state.status === "authenticated" && state.freshness === "unreachable";
}
