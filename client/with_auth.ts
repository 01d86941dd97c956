import type { Operation } from "@trpc/client";

/**
 * How a call is made without a session: `required` fails at once, `optional` is sent without a token (the default).
 * `none` asks for no token and waits for none; in a batch with calls that do, it shares their header.
 */
export type AuthMode = "required" | "optional" | "none";

const modeKey = "watchwordAuth";

/**
 * Options for one call, beside its input.
 *
 * @example
 * ```ts ignore
 * await auth.trpc.news.list.query(undefined, withAuth("none"));
 * ```
 */
export function withAuth(mode: AuthMode): { context: Record<string, unknown> } {
  return { context: { [modeKey]: mode } };
}

/** The mode that a call was made with. */
export function authModeOf({ context }: Operation): AuthMode {
  return context[modeKey] as AuthMode ?? "optional";
}
