/**
 * Subscriptions and calls over a WebSocket that is authenticated anew whenever the token is renewed.
 *
 * @module
 */
import { createWSClient, type TRPCLink, wsLink } from "@trpc/client";
import type { AnyTRPCRouter } from "@trpc/server";
import type { SubscriptionLink } from "./create_auth_client.ts";
import type { Auth } from "./create_session.ts";
import type { SessionState } from "./session_state.ts";

/** To be spread into `createWSClient`. */
export interface WsOptions {
  WebSocket: typeof WebSocket;
  /** Never rejects; null without a session. */
  connectionParams: () => Promise<{ authorization: string } | null>;
}

interface Message {
  id?: number;
  method?: string;
  data?: { authorization: string } | null;
}

// What a server may send too, to make tRPC's client open another socket.
const RECONNECT = '{"id":null,"method":"reconnect"}';
/** The server closes a socket with it when the token that it was opened with has ended. */
const TOKEN_ENDED = 4401;
const LAZY_CLOSE_MS = 5_000;

function findSessionId(state: SessionState): string | null {
  return state.status === "authenticated" ? state.sessionId : null;
}

function readMessages(frame: unknown): Message[] {
  return /^[[{]/.test(String(frame)) ? [JSON.parse(String(frame))].flat() : [];
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
  const sockets = new Set<AuthSocket>();
  let refused: string | undefined;
  let drained: Promise<void> | undefined;

  class AuthSocket extends (options.WebSocket ?? WebSocket) {
    /** Whose it is; undefined until it has said so, and then it asks for the present token. */
    #sessionId: string | null | undefined;
    /** Queries and mutations that were sent and not answered. */
    readonly #calls = new Set<unknown>();
    #authorization: string | undefined;
    #isReplaced = false;
    #isLeft = false;

    constructor(...args: ConstructorParameters<typeof WebSocket>) {
      super(...args);
      sockets.add(this);
      this.addEventListener("message", ({ data }) => {
        this.#isReplaced ||= data === RECONNECT;
        if (this.#calls.size > 0) readMessages(data).forEach(({ id }) => this.#calls.delete(id));
        if (this.#isLeft && this.#calls.size === 0) super.close();
      });
      this.addEventListener("close", ({ code }) => {
        sockets.delete(this);
        if (code === TOKEN_ENDED) refused = this.#authorization;
      });
    }

    override send(frame: Parameters<WebSocket["send"]>[0]): void {
      for (const { id, method, data } of readMessages(frame)) {
        if (method === "query" || method === "mutation") this.#calls.add(id);
        if (method === "connectionParams") {
          this.#authorization = data?.authorization;
          this.#sessionId = data ? findSessionId(auth.state) : null;
        }
      }
      super.send(frame);
    }

    override close(code?: number, reason?: string): void {
      // Up to 11.22, tRPC closes a socket before it opens the next, whatever is under way on it.
      if (!this.#isReplaced || this.#isLeft || code || this.#calls.size === 0) {
        return super.close(code, reason);
      }
      this.#isLeft = true;
      drained = new Promise((resolve) => this.addEventListener("close", () => resolve()));
    }

    follow(sessionId: string | null): void {
      if (this.#sessionId !== undefined && this.#sessionId !== sessionId) this.close(1000);
    }

    renew(isRefused: boolean): void {
      if (this.#sessionId === undefined) return;
      // A refused token is of no use to the calls that are sent again: they must wait for the next socket.
      if (isRefused && !this.#isReplaced) this.close(1000);
      else this.dispatchEvent(new MessageEvent("message", { data: RECONNECT }));
    }
  }

  auth.subscribe(() => sockets.forEach((socket) => socket.follow(findSessionId(auth.state))));
  auth.on((event) => {
    if (event.type === "refreshed") sockets.forEach((socket) => socket.renew(event.cause === "rejected"));
  });

  return {
    WebSocket: AuthSocket,
    async connectionParams() {
      await drained;
      let token = await auth.getAccessToken().catch(() => null);
      if (token && refused === `Bearer ${token}`) {
        token = await auth.getAccessToken({ force: true }).catch(() => null);
      }
      return token === null ? null : { authorization: `Bearer ${token}` };
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
      url: options.url ?? new URL(url, globalThis.location?.href).href.replace(/^http/, "ws"),
      lazy: { enabled: true, closeMs: LAZY_CLOSE_MS },
      ...ws(auth, options),
    });
    return link({ client, transformer });
  };
}
