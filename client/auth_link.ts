import { type Operation, TRPCClientError, type TRPCLink } from "@trpc/client";
import type { AnyTRPCRouter } from "@trpc/server";
import { observable } from "@trpc/server/observable";
import { type Access, bearerHeaders } from "./access.ts";
import { authClientError } from "./auth_client_error.ts";
import { isTokenReason, readAuthErrorData } from "./auth_reason.ts";
import { limit } from "./limit.ts";
import type { Session } from "./session.ts";
import { verdicts } from "./session_state.ts";
import { authModeOf } from "./with_auth.ts";

/**
 * Tells which access a call is sent with, in the moment when it leaves. It travels in the call's context, from the
 * link to `headers()`; a function, so that whoever logs the context logs no token.
 *
 * @throws AuthClientError `session_changed` when the call was made for another user
 */
type Attach = () => Access | null;

/** Asks the user to prove again who they are. @returns whether the call shall be sent once more */
export type AskStepUp = (need: { maxAgeSeconds: number }) => Promise<boolean>;

const attachKey = "watchword";
const SENDS_MAX = 2;
// Where a WebSocket link still knows the id of the call before, that id cannot be used again.
let newId = 2 ** 31;

/**
 * Attaches the access token when a request leaves, so that a batch carries the freshest one. Works for links
 * that ask for one operation and for those that ask for many.
 */
export function attachHeaders(
  { op, opList }: { op?: Operation; opList?: readonly Operation[] },
): Record<string, string> {
  let headers = {};
  for (const { context } of opList ?? [op!]) {
    const access = (context[attachKey] as Attach | undefined)?.();
    if (access) headers = bearerHeaders(access.accessToken);
  }
  return headers;
}

/** Where a stream that is opened again goes on. Only an input that can hold the id is given it. */
function resumeInput(input: unknown, lastEventId: string | undefined): unknown {
  const canHold = input === undefined || input === Object(input) && !Array.isArray(input);
  return lastEventId && canHold ? { ...Object(input), lastEventId } : input;
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
      /** What it was last sent with; undefined until it has left, and nobody else's name can be put to it any more. */
      let sent: Access | null | undefined;
      const { epoch } = session;
      const isStream = op.type === "subscription";

      function fail(cause: unknown): void {
        if (isDone) return;
        isDone = true;
        observer.error(TRPCClientError.from(cause instanceof Error ? cause : new Error("failed", { cause })));
        inner?.unsubscribe();
      }

      function send(access: Access | null): void {
        if (isDone) return;
        if (epoch !== session.epoch) return fail(session.epochError());
        if (!access && mode === "required") return fail(authClientError("signed_out"));
        sent = undefined;
        const attach: Attach = () => {
          if (epoch !== session.epoch) throw session.epochError();
          return sent = session.peek() ?? access;
        };
        const isAgain = sends++ > 0 && isStream;
        inner = next({
          ...op,
          ...(isAgain && { id: newId++, input: resumeInput(op.input, lastEventId) }),
          context: { ...op.context, [attachKey]: attach },
        }).subscribe({
          next(value) {
            const { result } = value;
            if (isStream && "data" in result) {
              // The connection works, so its end is worth another one.
              sends = 1;
              if ("id" in result) lastEventId = String(result.id);
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
            recover(error, sent === undefined ? access : sent).then(send).catch(fail);
          },
        });
      }

      /** The access to send the call with once more. @throws anything when it must not be sent */
      async function recover(error: TRPCClientError<R>, used: Access | null): Promise<Access | null> {
        await null;
        if (isDone || !used || epoch !== session.epoch) throw error;
        const { reason, executed, maxAgeSeconds = 0 } = readAuthErrorData(error) ?? {};
        if (reason === "STEP_UP_REQUIRED" && !executed && !hasAsked) {
          hasAsked = true;
          if (!await limit(() => askStepUp({ maxAgeSeconds }), { signals: [op.signal] })) throw error;
          return await session.acquire();
        }
        await session.endBy(reason, used.sessionId);
        // Only a query may be sent again without the server's word that it did not run.
        if (sends >= SENDS_MAX || !isStream && (executed ?? op.type !== "query")) throw error;
        const present = session.peek();
        if (reason && verdicts[reason]) {
          // A step-up has replaced the session that the call was sent with.
          const next = present ?? await session.acquire();
          if (next && next.sessionId !== used.sessionId) return next;
        } else if (reason) {
          // The token was refused in front of the procedure's own code, and a fresh one may do.
          if (isTokenReason(reason)) return await session.acquire(used);
        } else if (
          error.data?.code === "UNAUTHORIZED" && present && present.accessToken !== used.accessToken
        ) {
          // Not our server's verdict on the token, unless the token is another one by now.
          return present;
        }
        throw error;
      }

      function abort(): void {
        fail(op.signal?.reason ?? Object.assign(new Error("The call was aborted"), { name: "AbortError" }));
      }

      // What waits, or goes on, would do so under whoever is signed in by then. What nobody sent is anybody's, and
      // what was refused is judged by itself, unless it waits for the user.
      const unwatch = session.onEpochEnd(() => {
        if ((inner || hasAsked) && sent !== null) fail(session.epochError());
      });
      op.signal?.addEventListener("abort", abort);
      if (op.signal?.aborted) {
        abort();
      } else {
        const access = session.peek();
        if (access === undefined) session.acquire().then(send).catch(fail);
        else send(access);
      }

      return () => {
        isDone = true;
        unwatch();
        op.signal?.removeEventListener("abort", abort);
        inner?.unsubscribe();
      };
    });
  };
}
