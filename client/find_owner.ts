import type { SessionState } from "./session_state.ts";

/** Whose stream is opened now: the user's id, or null for nobody's. */
export function findOwner(state: SessionState): string | null {
  return state.status === "authenticated" ? state.user.id : null;
}
