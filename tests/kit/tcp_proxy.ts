import { Buffer } from "node:buffer";
import net from "node:net";

/**
 * What the way to the server is like.
 *
 * - `refuse`: nobody listens; `reset`: connections are taken and reset
 * - `hang up`: they are taken and closed in order, as by a balancer with nothing behind it
 * - `blackhole`: they are taken, and nothing that is sent arrives until the mode changes; then all of it does
 */
export type ProxyMode = "pass" | "refuse" | "reset" | "hang up" | "blackhole";

/** A way to a server that a test can break. */
export interface TcpProxy extends AsyncDisposable {
  /** The server's URL, by way of the proxy. */
  url: string;
  /** How long each piece takes, either way. */
  delayMs: number;
  /** Connections taken so far. */
  readonly connectionCount: number;
  /** Changes the mode. All but `pass` and `blackhole` also end, in their way, what is connected. */
  set(mode: ProxyMode): Promise<void>;
  /** Leads new connections to another server. */
  pointAt(serverUrl: string): void;
  /** What is connected now never carries another byte nor an end, as after a failover; what comes later does. */
  abandon(): void;
  /** Resets a connection in place of delivering a reply that holds the text. Settles when it has happened. */
  cutBeforeReply(text: string): Promise<void>;
  /** How many pieces with this text clients have sent. Count from the first call on. */
  countSent(text: string): number;
}

interface Pair {
  client: net.Socket;
  server: net.Socket;
  held: (() => void)[];
  /** What is on its way, in order. */
  tail: Promise<void>;
  isAbandoned: boolean;
}

/** Starts a proxy before the server of a URL. */
export async function startTcpProxy(serverUrl: string): Promise<TcpProxy> {
  let target = new URL(serverUrl);
  const pairs = new Set<Pair>();
  const counts = new Map<string, number>();
  let mode: ProxyMode = "pass";
  let connectionCount = 0;
  let cut: { text: string; done: () => void } | undefined;

  function end(pair: Pair, { isReset }: { isReset: boolean }): void {
    pairs.delete(pair);
    if (isReset) pair.client.resetAndDestroy();
    else pair.client.destroy();
    pair.server.destroy();
  }

  function carry(pair: Pair, deliver: () => void): void {
    const pass = () => {
      if (pair.isAbandoned || mode === "blackhole") pair.held.push(deliver);
      else if (pairs.has(pair)) deliver();
    };
    const dueAt = performance.now() + proxy.delayMs;
    pair.tail = pair.tail.then(async () => {
      const waitMs = dueAt - performance.now();
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      pass();
    });
  }

  function take(client: net.Socket): void {
    connectionCount++;
    client.on("error", () => {});
    if (mode === "reset") return void client.resetAndDestroy();
    if (mode === "hang up") return void client.resume().end();
    const server = net.connect(Number(target.port), target.hostname);
    server.on("error", () => {});
    const pair: Pair = { client, server, held: [], tail: Promise.resolve(), isAbandoned: false };
    pairs.add(pair);
    for (const socket of [client, server]) socket.setNoDelay(true);
    client.on("data", (data: Buffer) => {
      for (const text of counts.keys()) {
        if (data.includes(text)) counts.set(text, (counts.get(text) ?? 0) + 1);
      }
      carry(pair, () => server.write(data));
    });
    server.on("data", (data: Buffer) =>
      carry(pair, () => {
        if (cut === undefined || !data.includes(cut.text)) return void client.write(data);
        cut.done();
        cut = undefined;
        end(pair, { isReset: true });
      }));
    client.on("close", () => carry(pair, () => end(pair, { isReset: false })));
    server.on("close", () => carry(pair, () => end(pair, { isReset: false })));
  }

  const listener = net.createServer({ allowHalfOpen: false }, take);
  const listen = (port: number) =>
    new Promise<void>((resolve) => listener.listen(port, "127.0.0.1", resolve));
  const close = () => new Promise<void>((resolve) => listener.close(() => resolve()));
  await listen(0);
  const { port } = listener.address() as net.AddressInfo;
  const url = new URL(serverUrl);
  url.hostname = "127.0.0.1";
  url.port = String(port);

  const proxy: TcpProxy = {
    url: url.href,
    delayMs: 0,
    get connectionCount() {
      return connectionCount;
    },
    async set(next) {
      const wasRefusing = mode === "refuse";
      mode = next;
      if (wasRefusing && next !== "refuse") await listen(port);
      const closed = next === "refuse" && !wasRefusing ? close() : undefined;
      for (const pair of [...pairs]) {
        const held = pair.isAbandoned || next === "blackhole" ? [] : pair.held.splice(0);
        if (next === "refuse" || next === "reset") end(pair, { isReset: true });
        else if (next === "hang up") end(pair, { isReset: false });
        else for (const deliver of held) deliver();
      }
      await closed;
    },
    pointAt(next) {
      target = new URL(next);
    },
    abandon() {
      for (const pair of pairs) pair.isAbandoned = true;
    },
    cutBeforeReply: (text) => new Promise((done) => cut = { text, done }),
    countSent(text) {
      if (!counts.has(text)) counts.set(text, 0);
      return counts.get(text) ?? 0;
    },
    async [Symbol.asyncDispose]() {
      const tails = Array.from(pairs, ({ tail }) => tail);
      for (const pair of [...pairs]) end(pair, { isReset: true });
      await Promise.all(tails);
      if (listener.listening) await close();
    },
  };
  return proxy;
}
