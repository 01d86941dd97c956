import { createEventStreamParser } from "./event_stream.ts";

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 2;
const RETRY_MS = 1_000;
const DOUBLINGS_MAX = 5;

/**
 * An EventSource (WHATWG HTML §9.2) over `fetch`, which is asked anew for every connection: headers are fresh each
 * time, and an `error` event has a `message` and, of a refusal, its HTTP status as `code`.
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
  readonly #fetch: () => Promise<Response>;
  readonly #closing = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastEventId = "";
  #retryMs = RETRY_MS;
  #failures = 0;

  constructor(readonly url: string, { fetch }: { fetch: typeof globalThis.fetch }) {
    super();
    this.#fetch = () =>
      fetch(url, {
        headers: {
          accept: "text/event-stream",
          ...(this.#lastEventId && { "last-event-id": toByteString(this.#lastEventId) }),
        },
        cache: "no-store",
        signal: this.#closing.signal,
      });
    void this.#connect();
  }

  close(): void {
    this.readyState = CLOSED;
    clearTimeout(this.#timer);
    this.#closing.abort();
  }

  async #connect(): Promise<void> {
    const { message, code, retryable } = await this.#stream().catch(Object);
    if (this.readyState === CLOSED) return;
    this.readyState = CONNECTING;
    if (retryable === false) this.close();
    else {
      // Never sooner than the stream asked for, and not at the same moment as all others.
      const waitMs = this.#retryMs * 2 ** Math.min(this.#failures++, DOUBLINGS_MAX) * (1 + Math.random() / 4);
      this.#timer = setTimeout(() => void this.#connect(), waitMs);
    }
    this.dispatchEvent(Object.assign(new Event("error"), { message, code }));
  }

  /** Connects, and reads until the stream ends. */
  async #stream(): Promise<{ message?: string; code?: number; retryable?: boolean }> {
    const { status: code, headers, body } = await this.#fetch();
    if (code !== 200 || !body || !/^text\/event-stream *(;|$)/i.test(String(headers.get("content-type")))) {
      await body?.cancel();
      return { code, message: `No event stream (status ${code})`, retryable: false };
    }
    this.readyState = OPEN;
    this.#failures = 0;
    this.dispatchEvent(new Event("open"));
    const parse = createEventStreamParser(this.#lastEventId, (lastEventId, name, data) => {
      this.#lastEventId = lastEventId;
      // Closed by a listener: the rest of the chunk is for nobody.
      if (data === "" || this.readyState !== OPEN) return;
      this.dispatchEvent(new MessageEvent(name || "message", { data: data.slice(0, -1), lastEventId }));
    }, (ms) => this.#retryMs = ms || 1);
    await body.pipeThrough(new TextDecoderStream()).pipeTo(new WritableStream({ write: parse }));
    return {};
  }
}

/** UTF-8 in a header, byte for byte, as the standard asks for ids beyond Latin-1. */
function toByteString(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}
