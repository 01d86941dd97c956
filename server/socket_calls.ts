import { BATCH_MAX_CALLS } from "@watchword/shared";
import { refuse } from "./auth_error.ts";
import type { RequestFacts } from "./request.ts";

/**
 * Runs a call of one of Watchword's own procedures that came over a socket. A frame may hold any number of calls, so
 * the strict bounds of the edge hold here: none that travels alone, and no more at a time than a batch has.
 *
 * @throws INPUT_INVALID for one that travels alone | OVERLOADED above the bound
 */
export async function runOnSocket<T>(
  socket: NonNullable<RequestFacts["socket"]>,
  { isAlone, run }: { isAlone: boolean; run: () => Promise<T> },
): Promise<T> {
  if (isAlone) throw refuse("INPUT_INVALID");
  if (socket.ownCalls >= BATCH_MAX_CALLS) throw refuse("OVERLOADED");
  socket.ownCalls++;
  try {
    return await run();
  } finally {
    socket.ownCalls--;
  }
}
