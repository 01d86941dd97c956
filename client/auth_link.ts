import { type Operation, TRPCClientError, type TRPCLink } from "@trpc/client";
import type { AnyTRPCRouter } from "@trpc/server";
import { observable } from "@trpc/server/observable";
import { isTerminalReason, type Reason } from "@watchword/shared/reasons";
import { untilAborted } from "./auth_api.ts";
import { authClientError } from "./auth_client_error.ts";
import { readAuthErrorData } from "./auth_reason.ts";
import type { Access } from "./access.ts";
import type { Session } from "./session.ts";
import { authModeOf } from "./with_auth.ts";

/** Which access a call was sent with. It travels in the call's context, from the link to `headers()` and back. */
interface Slot {
  epoch: number;
  access: Access | null;
  /** It has left with its header, so nobody else's name can be put to it any more. */
  isSent?: boolean;
}

/** Asks the user to prove again who they are. @returns whether the call shall be sent once more */
export type AskStepUp = (need: { maxAgeSeconds: number }) => Promise<boolean>;

const slotKey = "watchword";
const SENDS_MAX = 2;
// Where a WebSocket link still knows the id of the call before, that id cannot be used again.
const NEW_ID_MIN = 2 ** 31;
let newIds = NEW_ID_MIN;
// The token was refused in front of the procedure's own code, and a fresh one may do.
const refreshable: readonly (Reason | undefined)[] = ["TOKEN_MISSING", "TOKEN_INVALID", "TOKEN_EXPIRED"];

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
    if (slots.length === 0) return {};
    // Calls that were made for another user must not leave under this one's name.
    if (slots.some((slot) => slot.epoch !== session.epoch)) throw authClientError("session_changed");
    const access = session.peek() ?? slots.find((slot) => slot.access !== null)?.access ?? null;
    for (const slot of slots) Object.assign(slot, { access, isSent: true });
    return access === null ? {} : { authorization: `Bearer ${access.accessToken}` };
  };
}

/** Where a stream that is opened again goes on. Only an input that can hold the id is given it. */
function resumeInput(input: unknown, lastEventId: string | undefined): unknown {
  const isOpen = input === undefined ||
    (typeof input === "object" && input !== null && !Array.isArray(input));
  return lastEventId === undefined || !isOpen ? input : { ...Object(input), lastEventId };
}

/**
 * The link: waits for a usable token, refreshes once for any number of refused calls, and sends a call a
 * second time only when the server said that it did not run.
 */
export function createAuthLink<R extends AnyTRPCRouter>(session: Session, askStepUp: AskStepUp): TRPCLink<R> {
  return () => ({ op, next }) => {
    const mode = authModeOf(op);
    if (mode === "none") return next(op);
    return observable((observer) => {
      let isDone = false;
      let hasAsked = false;
      let sends = 0;
      let lastEventId: string | undefined;
      let inner: { unsubscribe(): void } | undefined;
      let slot: Slot | undefined;
      const { epoch } = session;

      function fail(cause: unknown): void {
        if (isDone) return;
        isDone = true;
        const error = cause instanceof Error ? cause : new Error("The call failed", { cause });
        observer.error(TRPCClientError.from(error));
      }

      function send(access: Access | null): void {
        if (isDone) return;
        if (epoch !== session.epoch) return fail(authClientError(session.whyEnded()));
        if (access === null && mode === "required") return fail(authClientError("signed_out"));
        const sent: Slot = slot = { epoch, access };
        const again = sends++ > 0 && op.type === "subscription";
        inner = next({
          ...op,
          ...(again ? { id: newIds++, input: resumeInput(op.input, lastEventId) } : {}),
          context: { ...op.context, [slotKey]: sent },
        }).subscribe({
          next(value) {
            if (op.type === "subscription" && "data" in value.result) {
              // The connection works, so its end is worth another one.
              sends = 1;
              if ("id" in value.result) lastEventId = String(value.result.id);
            }
            observer.next(value);
          },
          complete() {
            isDone = true;
            observer.complete();
          },
          // Never within the callback: a WebSocket link forgets the call only after it.
          error(error) {
            inner = undefined;
            void recover(error, sent).then(send, () => fail(error)).catch(fail);
          },
        });
      }

      /** The access to send the call with once more. @throws anything when it must not be sent */
      async function recover(error: TRPCClientError<R>, { access: sent }: Slot): Promise<Access | null> {
        await null;
        const auth = readAuthErrorData(error);
        if (isDone || sent === null || epoch !== session.epoch) throw error;
        const mayResend = sends < SENDS_MAX &&
          (op.type === "subscription" || !(auth?.executed ?? op.type !== "query"));
        const reason = auth?.reason;
        if (reason === "STEP_UP_REQUIRED" && !auth?.executed && !hasAsked) {
          hasAsked = true;
          const { maxAgeSeconds = 0 } = auth ?? {};
          if (!await untilAborted(askStepUp({ maxAgeSeconds }), op.signal ?? undefined)) throw error;
          return await session.acquire();
        }
        if (reason !== undefined && isTerminalReason(reason)) {
          await session.endBy(reason, sent.sessionId);
          const present = session.peek();
          // A step-up has replaced the session that the call was sent with.
          if (present && mayResend && present.sessionId !== sent.sessionId) return present;
          throw error;
        }
        if (!mayResend) throw error;
        // Without a reason it is not our server's verdict on the token, unless the token is another one by now.
        const isBare = auth === null && error.data?.code === "UNAUTHORIZED";
        const present = session.peek();
        if (isBare && present && present.generation > sent.generation) return present;
        if (!refreshable.includes(reason)) throw error;
        return await session.acquire(sent).catch((cause) => {
          fail(cause);
          throw cause;
        });
      }

      function abort(): void {
        fail(op.signal?.reason ?? Object.assign(new Error("The call was aborted"), { name: "AbortError" }));
        inner?.unsubscribe();
      }

      function start(): void {
        const access = session.peek();
        if (access === undefined) session.acquire().then(send).catch(fail);
        else send(access);
      }

      // What waits, or goes on, would do so under whoever is signed in by then. What nobody sent is anybody's.
      const unwatch = session.onEpochEnd(() => {
        // What was refused is judged by itself, unless it waits for the user.
        const isUnderWay = inner !== undefined || hasAsked;
        if (!isUnderWay || slot?.access === null && slot.isSent) return;
        fail(authClientError(session.whyEnded()));
        inner?.unsubscribe();
      });
      op.signal?.addEventListener("abort", abort, { once: true });
      if (op.signal?.aborted) abort();
      else start();

      return () => {
        isDone = true;
        unwatch();
        op.signal?.removeEventListener("abort", abort);
        inner?.unsubscribe();
      };
    });
  };
}
