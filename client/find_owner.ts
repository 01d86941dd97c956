import type { SessionState } from "./session_state.ts";

/** Whose stream is opened now: the user's id, or "" for nobody's. */
export function findOwner(state: SessionState): string {
  return "user" in state ? state.user.id : "";
}
