import { createEventStreamParser } from "./event_stream.ts";

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 2;
const RETRY_MS = 1_000;
const DOUBLINGS_MAX = 5;

interface End {
  message?: string;
  /** The HTTP status of a refusal. */
  code?: number;
  retryable?: boolean;
}

/**
 * As much of an EventSource (WHATWG HTML §9.2) as tRPC asks for, over `fetch`, which is asked anew for every
 * connection: headers are fresh each time, and an `error` event has a `message` and, of a refusal, its status as `code`.
 *
 * A connection that breaks is made again with `Last-Event-ID`, after the stream's own `retry` or a second, doubled
 * with each failure. Any answer but a 200 with an event stream is final, and so is an error of `fetch` that says
 * `retryable: false`.
 */
export class FetchEventSource extends EventTarget {
  readonly CONNECTING = CONNECTING;
  readonly OPEN = OPEN;
  readonly CLOSED = CLOSED;
  readyState = CONNECTING;
  readonly close: () => void;

  constructor(url: string, { fetch }: { fetch: typeof globalThis.fetch }) {
    super();
    const closing = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let lastEventId = "";
    let retryMs = RETRY_MS;
    let failures = 0;

    this.close = () => {
      this.readyState = CLOSED;
      clearTimeout(timer);
      closing.abort();
    };

    /** Connects, and reads until the stream ends. @returns why */
    const stream = async (): Promise<End> => {
      const { status: code, headers, body } = await fetch(url, {
        headers: {
          accept: "text/event-stream",
          ...(lastEventId && { "last-event-id": toByteString(lastEventId) }),
        },
        cache: "no-store",
        signal: closing.signal,
      });
      if (code !== 200 || !/^text\/event-stream *(;|$)/i.test(String(headers.get("content-type")))) {
        return { code, message: `No event stream: ${code}`, retryable: false };
      }
      this.readyState = OPEN;
      failures = 0;
      const parse = createEventStreamParser(lastEventId, (id, name, data) => {
        lastEventId = id;
        // Closed by a listener: the rest of the chunk is for nobody.
        if (data === "" || this.readyState !== OPEN) return;
        this.dispatchEvent(new MessageEvent(name || "message", { data: data.slice(0, -1), lastEventId }));
      }, (ms) => retryMs = ms || 1);
      await body?.pipeThrough(new TextDecoderStream()).pipeTo(new WritableStream({ write: parse }));
      return {};
    };

    const connect = async (): Promise<void> => {
      const { message, code, retryable } = await stream().catch(Object);
      if (this.readyState === CLOSED) return;
      this.readyState = CONNECTING;
      if (retryable === false) this.close();
      else {
        // Never sooner than the stream asked for, and not at the same moment as all others.
        const waitMs = retryMs * 2 ** Math.min(failures++, DOUBLINGS_MAX) * (1 + Math.random());
        timer = setTimeout(connect, waitMs);
      }
      this.dispatchEvent(Object.assign(new Event("error"), { message, code }));
    };
    void connect();
  }
}

/** UTF-8 in a header, byte for byte, as the standard asks for ids beyond Latin-1. */
function toByteString(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}
