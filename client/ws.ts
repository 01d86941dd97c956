/**
 * Subscriptions and calls over a WebSocket that is authenticated anew whenever the token is renewed.
 *
 * @module
 */
import { createWSClient, type TRPCLink, wsLink } from "@trpc/client";
import type { AnyTRPCRouter } from "@trpc/server";
import { bearer } from "./access.ts";
import type { SubscriptionLink } from "./create_auth_client.ts";
import type { Auth } from "./create_session.ts";
import type { RefreshCause } from "./session_state.ts";

/** To be spread into `createWSClient`. */
export interface WsOptions {
  WebSocket: typeof WebSocket;
  /** Never rejects; null without a session. */
  connectionParams: () => Promise<{ authorization: string } | null>;
}

// What a server may send too, to make tRPC's client open another socket.
const RECONNECT = '{"id":null,"method":"reconnect"}';
/** The server closes a socket with it when the token that it was opened with has ended. */
const TOKEN_ENDED = 4401;
const LAZY_CLOSE_MS = 5_000;

function readMessages(frame: unknown): { id?: number }[] {
  return typeof frame === "string" && /^[[{]/.test(frame) ? [JSON.parse(frame)].flat() : [];
}

/**
 * Makes `createWSClient` open each socket with a fresh token, and open another when the token was renewed: the new
 * one first, where tRPC is 11.25 or newer; before that, when the calls under way are done. When the session is another
 * one, or none, the socket is closed. For tRPC's own encoding of messages, which is JSON.
 *
 * @param options.WebSocket A class whose sockets are EventTargets. @default the runtime's own
 * @example
 * ```ts ignore
 * wsLink({ client: createWSClient({ url: "wss://api.example.com/trpc", ...ws(auth) }) });
 * ```
 */
export function ws(auth: Auth, options: { WebSocket?: typeof WebSocket } = {}): WsOptions {
  const findSessionId = ({ state } = auth) => "sessionId" in state ? state.sessionId : null;
  const followers = new Set<(cause?: RefreshCause) => void>();
  let newest: AuthSocket | undefined;
  let isEnded = false;
  let drained: Promise<unknown> | undefined;

  class AuthSocket extends (options.WebSocket ?? WebSocket) {
    constructor(...args: ConstructorParameters<typeof WebSocket>) {
      super(...args);
      /** What was sent and has not been answered at all. */
      const waiting = new Set<unknown>();
      /** Whose it is; undefined until it has said so, and then it asks for the present token. */
      let sessionId: string | null | undefined;
      let isTold = false;
      newest = this;

      /** The session has changed, or its token was renewed. */
      const follow = (cause?: RefreshCause) => {
        if (sessionId === undefined) return;
        // A refused token is of no use to the calls that are sent again: they must wait for the next socket.
        const isSpent = cause === "rejected" && newest === this;
        if (isSpent || sessionId !== findSessionId()) this.close(1000);
        else if (cause) this.dispatchEvent(new MessageEvent("message", { data: RECONNECT }));
      };
      followers.add(follow);

      this.addEventListener("message", ({ data }) => {
        isTold ||= data === RECONNECT;
        if (waiting.size > 0) { for (const { id } of readMessages(data)) waiting.delete(id); }
      });
      this.addEventListener("close", ({ code }) => {
        followers.delete(follow);
        isEnded ||= code === TOKEN_ENDED && newest === this;
      });

      this.send = (frame) => {
        for (const { id } of readMessages(frame)) {
          if (id) waiting.add(id);
          // Only the connection's parameters have none.
          else sessionId = findSessionId();
        }
        super.send(frame);
      };

      this.close = (code, reason) => {
        // Up to 11.22, tRPC closes a socket before it opens the next, whatever is under way on it.
        if (!isTold || newest !== this || code || waiting.size === 0) return super.close(code, reason);
        // A second time, it means it.
        isTold = false;
        this.addEventListener("message", () => waiting.size === 0 && super.close());
        drained = new Promise((resolve) => this.onclose = resolve);
      };
    }
  }

  auth.subscribe(() => followers.forEach((follow) => follow()));
  auth.on((event) => event.type === "refreshed" && followers.forEach((follow) => follow(event.cause)));

  return {
    WebSocket: AuthSocket,
    async connectionParams() {
      await drained;
      const force = isEnded;
      isEnded = false;
      const token = await auth.getAccessToken({ force }).catch(() => null);
      return token ? { authorization: bearer(token) } : null;
    },
  };
}

/**
 * Lets the subscriptions of `createAuthClient` travel over one WebSocket, which is open while there are any.
 *
 * @param options.url @default the client's, with ws in place of http
 * @example
 * ```ts ignore
 * createAuthClient<AppRouter>({ url, subscriptions: wsSubscriptions() });
 * ```
 */
export function wsSubscriptions(
  options: { url?: string; WebSocket?: typeof WebSocket } = {},
): SubscriptionLink {
  // The options depend on the router's transformer, which is unknown for a generic router.
  const link = wsLink as (options: object) => TRPCLink<AnyTRPCRouter>;
  return (auth, { url, transformer }) => {
    const client = createWSClient({
      url: options.url ?? url.replace(/^http/, "ws"),
      lazy: { enabled: true, closeMs: LAZY_CLOSE_MS },
      ...ws(auth, options),
    });
    return link({ client, transformer });
  };
}
