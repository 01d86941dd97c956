/** A web server that nobody has a reason to call. */
export interface Canary extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  origin: string;
  /** What was asked of it. */
  requests: string[];
}

/** Listens, and offers whoever asks the given keys as a JWKS. */
export function startCanary(keys: unknown[] = []): Canary {
  const requests: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    requests.push(`${request.method} ${request.url}`);
    return Response.json({ keys });
  });
  return {
    origin: `http://127.0.0.1:${server.addr.port}`,
    requests,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Records each `fetch` of this process that goes somewhere else than to the services under test. */
export function watchFetch(isOwn: (url: string) => boolean): Disposable & { outbound: string[] } {
  const original = globalThis.fetch;
  const outbound: string[] = [];
  globalThis.fetch = (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    if (!isOwn(url)) outbound.push(url);
    return original(input, init);
  };
  return {
    outbound,
    [Symbol.dispose]() {
      globalThis.fetch = original;
    },
  };
}
