/** Every statement that a service runs, read off the wire between it and its database. */
export interface WireTap extends AsyncDisposable {
  /** The URL to give the service. */
  url: string;
  /** SQL texts in the order in which they were executed. */
  statements: string[];
  /** How many statements since `from` match. */
  count(pattern: RegExp, from?: number): number;
}

const decoder = new TextDecoder();

/** Stands between a service and Postgres. What it counts is what the database was asked, whoever asked. */
export function tapDatabase(databaseUrl: string): WireTap {
  const target = new URL(databaseUrl);
  const statements: string[] = [];
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const pipes = new Set<Promise<unknown>>();

  async function relay(client: Deno.Conn): Promise<void> {
    const server = await Deno.connect({ hostname: target.hostname, port: Number(target.port) });
    const read = createReader((sql) => void statements.push(sql));
    const watch = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        read(chunk);
        controller.enqueue(chunk);
      },
    });
    await Promise.allSettled([
      client.readable.pipeThrough(watch).pipeTo(server.writable),
      server.readable.pipeTo(client.writable),
    ]);
  }

  const accepting = (async () => {
    for await (const client of listener) {
      const pipe = relay(client).catch(() => {}).finally(() => pipes.delete(pipe));
      pipes.add(pipe);
    }
  })();

  const url = new URL(databaseUrl);
  url.hostname = "127.0.0.1";
  url.port = String(listener.addr.port);
  return {
    url: url.href,
    statements,
    count: (pattern, from = 0) => statements.slice(from).filter((sql) => pattern.test(sql)).length,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      await Promise.all(pipes);
    },
  };
}

/** Reads the frontend half of the protocol (PostgreSQL, §55.7): Parse names a statement, Bind and Query run one. */
function createReader(onStatement: (sql: string) => void): (chunk: Uint8Array) => void {
  const prepared = new Map<string, string>();
  let rest = new Uint8Array();
  let hasStarted = false;

  function readMessage(type: string, body: Uint8Array) {
    const [first = "", second = ""] = decoder.decode(body).split("\0", 2);
    if (type === "Q") onStatement(first);
    if (type === "P") prepared.set(first, second);
    if (type === "B") onStatement(prepared.get(second) ?? "");
  }

  return (chunk) => {
    const bytes = new Uint8Array(rest.length + chunk.length);
    bytes.set(rest);
    bytes.set(chunk, rest.length);
    const view = new DataView(bytes.buffer);
    let at = 0;
    for (;;) {
      const typeBytes = hasStarted ? 1 : 0;
      if (bytes.length < at + typeBytes + 4) break;
      const end = at + typeBytes + view.getUint32(at + typeBytes);
      if (bytes.length < end) break;
      if (hasStarted) readMessage(String.fromCharCode(bytes[at] ?? 0), bytes.subarray(at + 5, end));
      hasStarted = true;
      at = end;
    }
    rest = bytes.slice(at);
  };
}
