// @ts-types="@types/ws"
import { WebSocket } from "ws";
import { until } from "./followed.ts";

/** An answer over a socket, loosely typed on purpose. */
export interface SocketAnswer {
  data: unknown;
  reason: string | undefined;
}

/** A WebSocket that speaks tRPC by hand. */
export interface RawSocket extends Disposable {
  /** What came that is no answer. */
  notices: string[];
  /** Null while it is open. */
  readonly closeCode: number | null;
  call(path: string, method?: "query" | "mutation"): Promise<SocketAnswer>;
}

interface Greeting {
  /** Sent as the first message; without it the URL says that there is none. */
  params?: Record<string, string> | null;
  headers?: Record<string, string>;
}

/** Opens a socket. */
export async function openRawSocket(
  url: string,
  { params, headers = {} }: Greeting = {},
): Promise<RawSocket> {
  const socket = new WebSocket(params === undefined ? url : `${url}/?connectionParams=1`, { headers });
  // deno-lint-ignore no-explicit-any -- tests look at whatever came
  const answers = new Map<number, any>();
  const notices: string[] = [];
  let closeCode: number | null = null;
  let calls = 0;
  socket.on("message", (frame) => {
    const message = JSON.parse(String(frame));
    if (typeof message.id === "number") answers.set(message.id, message);
    else notices.push(String(frame));
  });
  socket.on("close", (code) => closeCode = code);
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  if (params !== undefined) socket.send(JSON.stringify({ method: "connectionParams", data: params }));
  return {
    notices,
    get closeCode() {
      return closeCode;
    },
    async call(path, method = "query") {
      const id = ++calls;
      socket.send(JSON.stringify({ id, method, params: { path, input: {} } }));
      await until(() => answers.has(id) || closeCode !== null);
      const { result, error } = answers.get(id) ?? {};
      return { data: result?.data, reason: error?.data?.auth?.reason };
    },
    [Symbol.dispose]: () => socket.terminate(),
  };
}
