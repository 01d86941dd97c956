import { refuse } from "../auth_error.ts";
import type { DatabaseClock } from "../database_clock.ts";
import type { Guard } from "../guard.ts";
import type { Context } from "../trpc.ts";
import { type CorsPolicy, isOriginAllowed } from "./cors.ts";
import { type EdgeSettings, readFacts } from "./request_facts.ts";

/** What tRPC's WebSocket adapter gives to `createContext`, as far as it is looked at. */
export interface CreateWsContextOptions {
  /** The request that became the socket. */
  req: { rawHeaders: readonly string[]; socket: { remoteAddress?: string | undefined } };
  res: { readonly readyState: number; send(frame: string): void; close(code: number, reason: string): void };
  info: {
    connectionParams: Readonly<Record<string, string | undefined>> | null;
    /** Aborts when the socket is closed. */
    signal: AbortSignal;
  };
}

interface WsContextDeps {
  settings: EdgeSettings;
  cors: CorsPolicy;
  guard: Guard;
  clock: DatabaseClock;
  /** Calls back about every second. @returns what stops it */
  onTick: (tick: () => void) => () => void;
}

/** tRPC's own notification: its client opens another socket, and moves over where it can. */
const RECONNECT = '{"id":null,"method":"reconnect"}';
const NOTICE_MS = 30_000;
/** In the range for applications (RFC 6455 §7.4.2), after 401. */
const TOKEN_ENDED = 4401;
const OPEN = 1;

/**
 * Builds `createContext` for tRPC's WebSocket adapter. It never throws for a bad token, because tRPC's client would
 * connect again for ever: the procedures refuse.
 *
 * The token is `connectionParams.authorization`, as strict as the header, which is read too: browsers cannot set it.
 * It is judged anew with every call. Before it ends the client is asked to open another socket; when it has ended,
 * this one is closed with 4401.
 */
export function createWsContextFactory(
  { settings, cors, guard, clock, onTick }: WsContextDeps,
): (options: CreateWsContextOptions) => Promise<Context> {
  return async ({ req, res, info: { connectionParams, signal } }) => {
    const headers = readHeaders(req.rawHeaders);
    const request = readFacts(new Request("http://localhost", { headers }), { incoming: req }, settings);
    // A token in either place; one in both is what two headers are.
    const sent = [request.authorization, connectionParams?.["authorization"]];
    request.authorization = sent.filter((value) => typeof value === "string").join(", ");
    request.socket = { ownCalls: 0 };
    // A socket has no CORS: any page may open one. It carries nothing that a browser adds by itself, so a foreign page
    // could call as nobody; it is refused that too, as its requests are.
    if (!isOriginAllowed(headers, cors)) request.refusal = refuse("CSRF");

    const bearer = await guard.readBearer(request).catch(() => null);
    if (bearer?.status === "valid" && !signal.aborted) watchEnd(bearer.claims.registered.exp * 1_000);
    return { auth: { request } };

    function watchEnd(endsAt: number): void {
      const leftMs = endsAt - clock.now().getTime();
      let noticeAt = endsAt - Math.min(NOTICE_MS, leftMs / 2);
      const unwatch = onTick(() => {
        const now = clock.now().getTime();
        if (now >= endsAt) res.close(TOKEN_ENDED, "The access token has ended");
        else if (now >= noticeAt && res.readyState === OPEN) {
          noticeAt = Infinity;
          res.send(RECONNECT);
        }
      });
      signal.addEventListener("abort", unwatch);
    }
  };
}

/** The headers as they came, those that were sent twice joined. */
function readHeaders(raw: readonly string[]): Headers {
  const headers = new Headers();
  for (let at = 0; at + 1 < raw.length; at += 2) headers.append(raw[at] ?? "", raw[at + 1] ?? "");
  return headers;
}
