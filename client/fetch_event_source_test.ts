import { assert, assertEquals } from "@std/assert";
import { FetchEventSource } from "./fetch_event_source.ts";

type Answer = (request: Request) => Response | Promise<Response>;

const eventStream = { "content-type": "text/event-stream" };

/** A stream of these chunks, which then ends, breaks, or stays open. */
function stream(
  chunks: (string | Uint8Array)[],
  then: "end" | "stay" = "end",
  headers = eventStream,
): Response {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) {
        controller.enqueue(typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk);
      }
      if (then === "end") controller.close();
    },
  });
  return new Response(body, { headers });
}

/** A server that answers each request in turn, the last answer again and again; and a source of it. */
function connect(...answers: Answer[]) {
  const requests: { path: string; headers: Headers }[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    requests.push({ path: new URL(request.url).pathname, headers: new Headers(request.headers) });
    return (answers[requests.length - 1] ?? answers.at(-1) ?? (() => new Response(null)))(request);
  });
  const origin = `http://127.0.0.1:${server.addr.port}`;
  const source = new FetchEventSource(`${origin}/events`, { fetch });
  const heard: string[] = [];
  for (const type of ["message", "note"]) {
    source.addEventListener(type, (event) => {
      const { data, lastEventId } = event as MessageEvent;
      heard.push(`${type} ${lastEventId} ${data}`);
    });
  }
  return {
    source,
    requests,
    heard,
    origin,
    async [Symbol.asyncDispose]() {
      source.close();
      await server.shutdown();
    },
  };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Waits for the error that closes a source for good. */
async function failure(source: FetchEventSource): Promise<{ code?: number; message?: string }> {
  return await new Promise((resolve) => {
    source.addEventListener("error", (event) => {
      if (source.readyState === source.CLOSED) resolve(event as { code?: number });
    });
  });
}

Deno.test("an EventSource that is dropped connects again, with the last id in a header and after the stream's retry", async () => {
  await using at = connect(
    () => stream(["retry: 5\nid: 1\ndata: a\n\nid: ü😀\nevent: note\ndata: b\n\nid: lost\n"]),
    () => stream(["data: c\n\n"], "stay"),
  );
  await until(() => at.heard.length === 3);
  assertEquals(at.heard, ["message 1 a", "note ü😀 b", "message ü😀 c"]);
  const [first, second] = at.requests;
  assertEquals([first?.headers.get("last-event-id"), first?.headers.get("accept")], [
    null,
    "text/event-stream",
  ]);
  const bytes = Uint8Array.from(second?.headers.get("last-event-id") ?? "", (char) => char.charCodeAt(0));
  assertEquals(new TextDecoder().decode(bytes), "ü😀");
  assertEquals(at.source.readyState, at.source.OPEN);
});

Deno.test("an EventSource reads characters that chunks cut, and drops one byte order mark", async () => {
  const bytes = new TextEncoder().encode("\ufeffdata: \ufeffgrüße 😀\n\n");
  await using at = connect(() => stream(Array.from(bytes, (byte) => Uint8Array.of(byte)), "stay"));
  await until(() => at.heard.length === 1);
  assertEquals(at.heard, ["message  \ufeffgrüße 😀"]);
});

const finals: Record<string, () => Response> = {
  "a 204": () => new Response(null, { status: 204 }),
  "a 401": () => new Response("no", { status: 401, headers: eventStream }),
  "a 500": () => new Response("no", { status: 500 }),
  "another content type": () => new Response("data: x\n\n", { headers: { "content-type": "text/html" } }),
  "a content type that only begins alike": () =>
    stream(["data: x\n\n"], "end", { "content-type": "text/event-streams" }),
};
for (const [name, answer] of Object.entries(finals)) {
  Deno.test(`an EventSource that is answered ${name} fails for good, and shows the status`, async () => {
    await using at = connect(answer);
    const { code, message } = await failure(at.source);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assertEquals([code, at.requests.length, at.heard], [answer().status, 1, []]);
    assert(message?.includes(String(code)));
  });
}

Deno.test("an EventSource takes the type of a stream with parameters, in any case", async () => {
  await using at = connect(() =>
    stream(["data: x\n\n"], "stay", { "content-type": "Text/Event-Stream; charset=utf-8" })
  );
  await until(() => at.heard.length === 1);
  assertEquals(at.source.readyState, at.source.OPEN);
});

Deno.test("an EventSource follows a redirect, and begins at its own address again", async () => {
  await using at = connect(
    () => Response.redirect(`${at.origin}/elsewhere`, 307),
    () => stream(["retry: 1\ndata: a\n\n"]),
    () => stream(["data: b\n\n"], "stay"),
  );
  await until(() => at.heard.length === 2);
  assertEquals(at.requests.map(({ path }) => path), ["/events", "/elsewhere", "/events"]);
});

Deno.test("an EventSource that is closed hears nothing more, not even the rest of a chunk, and connects no more", async () => {
  await using at = connect(() => stream(["retry: 1\ndata: a\n\ndata: b\n\n"]));
  let errors = 0;
  at.source.addEventListener("error", () => errors++);
  at.source.addEventListener("message", () => at.source.close());
  await until(() => at.heard.length > 0);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals([at.heard, errors, at.requests.length], [["message  a"], 0, 1]);
});

Deno.test("an EventSource whose server is away tries again, less and less often, until it is back", async () => {
  const calls: number[] = [];
  let isAway = true;
  const source = new FetchEventSource("http://events.test/", {
    fetch: () => {
      calls.push(performance.now());
      if (calls.length === 1) return Promise.resolve(stream(["retry: 10\n\n"]));
      return isAway
        ? Promise.reject(new TypeError("connection refused"))
        : Promise.resolve(stream([], "stay"));
    },
  });
  await until(() => calls.length === 5);
  isAway = false;
  await until(() => source.readyState === source.OPEN);
  source.close();
  const waits = calls.slice(1).map((at, index) => at - (calls[index] ?? 0));
  assert(waits.every((wait, index) => wait >= 10 * 2 ** index - 2), String(waits));
});

Deno.test("an EventSource ends with an error of fetch that says it is not worth another try", async () => {
  let calls = 0;
  const refused = Object.assign(new Error("The session has ended"), { retryable: false });
  const source = new FetchEventSource("http://events.test/", {
    fetch: () => {
      calls++;
      return Promise.reject(refused);
    },
  });
  assertEquals((await failure(source)).message, "The session has ended");
  assertEquals(calls, 1);
});
