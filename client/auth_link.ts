import { type Operation, TRPCClientError, type TRPCLink } from "@trpc/client";
import type { AnyTRPCRouter } from "@trpc/server";
import { observable } from "@trpc/server/observable";
import { isTerminalReason, type Reason } from "@watchword/shared/reasons";
import { authClientError } from "./auth_client_error.ts";
import { readAuthErrorData } from "./auth_reason.ts";
import type { Access, Session } from "./session.ts";

/** Which access a call was sent with. It travels in the call's context, from the link to `headers()` and back. */
interface Slot {
  epoch: number;
  access: Access | null;
}

const slotKey = "watchword";
const SENDS_MAX = 2;
// The token was refused in front of the procedure's own code, and a fresh one may do.
const refreshable: readonly Reason[] = ["TOKEN_MISSING", "TOKEN_INVALID", "TOKEN_EXPIRED"];

function slotOf(op: Operation): Slot | undefined {
  return op.context[slotKey] as Slot | undefined;
}

/**
 * Attaches the access token when a request leaves, so that a batch carries the freshest one. Works for links
 * that ask for one operation and for those that ask for many.
 */
export function createHeaders(session: Session) {
  return (request: { op?: Operation; opList?: readonly Operation[] }): Record<string, string> => {
    const slots = (request.opList ?? (request.op ? [request.op] : [])).map(slotOf).filter((slot) =>
      slot !== undefined
    );
    // Calls that were made for another user must not leave under this one's name.
    if (slots.some((slot) => slot.epoch !== session.epoch)) throw authClientError("session_changed");
    const access = session.peek() ?? slots.find((slot) => slot.access !== null)?.access ?? null;
    for (const slot of slots) slot.access = access;
    return access === null ? {} : { authorization: `Bearer ${access.accessToken}` };
  };
}

/**
 * The link: waits for a usable token, refreshes once for any number of refused calls, and sends a call a
 * second time only when the server said that it did not run.
 */
export function createAuthLink<R extends AnyTRPCRouter>(session: Session): TRPCLink<R> {
  return () => ({ op, next }) =>
    observable((observer) => {
      let isDone = false;
      let sends = 0;
      let inner: { unsubscribe(): void } | undefined;
      const { epoch } = session;

      function fail(cause: unknown): void {
        if (isDone) return;
        isDone = true;
        observer.error(cause instanceof TRPCClientError ? cause : TRPCClientError.from(toError(cause)));
      }

      function send(access: Access | null): void {
        const slot: Slot = { epoch, access };
        sends++;
        inner = next({ ...op, context: { ...op.context, [slotKey]: slot } }).subscribe({
          next: (value) => observer.next(value),
          complete: () => {
            isDone = true;
            observer.complete();
          },
          error: (error) => void recover(error, slot).catch(fail),
        });
      }

      async function recover(error: TRPCClientError<R>, slot: Slot): Promise<void> {
        const auth = readAuthErrorData(error);
        const sent = slot.access;
        if (isDone || auth === null || sent === null || slot.epoch !== session.epoch) return fail(error);
        if (isTerminalReason(auth.reason)) {
          await session.endBy(auth.reason, sent.sessionId);
          return fail(error);
        }
        if (auth.executed || sends >= SENDS_MAX || !refreshable.includes(auth.reason)) return fail(error);
        const access = await session.acquire(sent);
        if (isDone) return;
        if (slot.epoch !== session.epoch) return fail(authClientError("session_changed"));
        send(access);
      }

      async function waitAndSend(): Promise<void> {
        const access = await session.acquire();
        if (isDone) return;
        if (epoch !== session.epoch) return fail(authClientError("session_changed"));
        send(access);
      }

      function abort(): void {
        fail(op.signal?.reason ?? new DOMException("This operation was aborted.", "AbortError"));
        inner?.unsubscribe();
      }

      if (op.signal?.aborted) abort();
      else {
        op.signal?.addEventListener("abort", abort, { once: true });
        const access = session.peek();
        if (access === undefined) void waitAndSend().catch(fail);
        else send(access);
      }

      return () => {
        isDone = true;
        op.signal?.removeEventListener("abort", abort);
        inner?.unsubscribe();
      };
    });
}

function toError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error("The call failed", { cause });
}
