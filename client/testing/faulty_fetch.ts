import type { Reason } from "@watchword/shared/reasons";
import { describeRefusal, FakeRefusal } from "./fake_refusal.ts";

/** What happens to one request. */
export type Fault =
  /** The server never sees it; the client sees a network error. */
  | "drop request"
  /** The server does what it asks; the client sees a network error. */
  | "drop answer"
  /** The server never sees it, and the client waits until it gives up. */
  | "hang request"
  /** The server does what it asks, and the client waits until it gives up. */
  | "hang answer"
  /** The server does what it asks; the connection breaks in the middle of the answer's body. */
  | "cut body"
  /** The server does what it asks; the answer's body is noise. */
  | "garbage body"
  /** A proxy answers by itself, before the server or, with `reachesServer`, in its place. */
  | { status: number; body?: string; headers?: HeadersInit; reachesServer?: boolean }
  /** The server refuses every call of it, with a reason of its own list. */
  | { refuse: Reason; retryAfterSeconds?: number }
  /** It travels slowly: there, back or both. */
  | { delayMs?: number; answerDelayMs?: number };

/** A request, as rules see it. */
export interface SentRequest {
  /** The procedures that its path names; empty outside tRPC. */
  readonly procedures: readonly string[];
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  /** The body, where it is text. */
  readonly body: string;
}

/** Which requests a rule is about: those that call a procedure, or whatever a function picks. @default all */
export type Which = string | ((sent: SentRequest) => boolean);

/** A `fetch` whose network a test breaks. */
export interface FaultyFetch {
  readonly fetch: typeof fetch;
  /** Every request so far. */
  readonly sent: readonly SentRequest[];
  /** The next request that fits, and no other. */
  once(fault: Fault, which?: Which): void;
  /** The next ones that fit, one fault each; null lets one through. */
  inTurn(faults: readonly (Fault | null)[], which?: Which): void;
  /** Each one that fits. @returns what heals it */
  always(fault: Fault, which?: Which): () => void;
  /** Heals the network. Requests that hang go on hanging. */
  clear(): void;
}

interface FaultyFetchOptions {
  /** Whose timers the delays run on. @default the real ones */
  clock?: { setTimeout(run: () => void, ms: number): unknown };
}

interface Rule {
  faults: (Fault | null)[];
  isEndless: boolean;
  fits: (sent: SentRequest) => boolean;
}

/** Wraps a `fetch`: the fake server's, or a real one. The first rule that fits a request decides. */
export function createFaultyFetch(
  fetchNow: typeof fetch,
  { clock = { setTimeout: (run, ms) => globalThis.setTimeout(run, ms) } }: FaultyFetchOptions = {},
): FaultyFetch {
  const sent: SentRequest[] = [];
  let rules: Rule[] = [];

  function add(faults: readonly (Fault | null)[], which: Which | undefined, isEndless = false): Rule {
    const fits = typeof which === "function"
      ? which
      : ({ procedures }: SentRequest) => which === undefined || procedures.includes(which);
    const rule = { faults: [...faults], fits, isEndless };
    rules.push(rule);
    return rule;
  }

  function takeFault(one: SentRequest): Fault | null {
    const rule = rules.find(({ faults, fits }) => faults.length > 0 && fits(one));
    if (rule === undefined) return null;
    return (rule.isEndless ? rule.faults[0] : rule.faults.shift()) ?? null;
  }

  const pause = (ms = 0) => new Promise<void>((resolve) => void clock.setTimeout(resolve, ms));

  async function suffer(fault: Fault, one: SentRequest, forward: () => Promise<Response>): Promise<Response> {
    if (typeof fault === "string") {
      if (fault === "drop request") throw networkError();
      if (fault === "hang request") return await new Promise<never>(() => {});
      const answer = await forward();
      if (fault === "drop answer") throw networkError();
      if (fault === "hang answer") return await new Promise<never>(() => {});
      return fault === "cut body" ? cutBody(answer) : replaceBody(answer, "<html>Bad Gateway");
    }
    if ("refuse" in fault) return refuse(one, fault);
    if ("status" in fault) {
      if (fault.reachesServer) await forward();
      const { status, body = "<html>Sign in to the network", headers = {} } = fault;
      return new Response(body, { status, headers });
    }
    if (fault.delayMs) await pause(fault.delayMs);
    const answer = await forward();
    if (fault.answerDelayMs) await pause(fault.answerDelayMs);
    return answer;
  }

  async function fetchFaulty(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const one = describe(input, init);
    sent.push(one);
    const fault = takeFault(one);
    const forward = () => fetchNow(input, init);
    return fault === null ? await forward() : await untilAborted(init?.signal, suffer(fault, one, forward));
  }

  return {
    fetch: fetchFaulty,
    sent,
    once: (fault, which) => void add([fault], which),
    inTurn: (faults, which) => void add(faults, which),
    always(fault, which) {
      const rule = add([fault], which, true);
      return () => void (rules = rules.filter((other) => other !== rule));
    },
    clear: () => void (rules = []),
  };
}

const networkError = () => new TypeError("network error");

function describe(input: RequestInfo | URL, init?: RequestInit): SentRequest {
  const { url, method, headers } = input instanceof Request
    ? input
    : { url: String(input), method: "GET", headers: {} };
  const { pathname } = new URL(url);
  const names = /\/trpc\/([^/]+)$/.exec(pathname)?.[1];
  return {
    procedures: names === undefined ? [] : decodeURIComponent(names).split(","),
    method: init?.method ?? method,
    url,
    headers: new Headers(init?.headers ?? headers),
    body: typeof init?.body === "string" ? init.body : "",
  };
}

function untilAborted<T>(signal: AbortSignal | null | undefined, work: Promise<T>): Promise<T> {
  if (!signal) return work;
  const aborted = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  return Promise.race([work, aborted]);
}

function replaceBody({ status, headers }: Response, body: BodyInit): Response {
  const kept = new Headers(headers);
  kept.delete("content-length");
  return new Response(body, { status, headers: kept });
}

async function cutBody(answer: Response): Promise<Response> {
  const whole = new Uint8Array(await answer.arrayBuffer());
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(whole.slice(0, whole.length / 2)),
    pull: (controller) => controller.error(networkError()),
  }, { highWaterMark: 0 });
  return replaceBody(answer, body);
}

function refuse(
  { procedures, url }: SentRequest,
  { refuse: reason, ...more }: Extract<Fault, { refuse: Reason }>,
): Response {
  const refusal = new FakeRefusal(reason, more);
  const errors = procedures.map((path) => ({ error: describeRefusal(refusal, "", path) }));
  const isBatch = new URL(url).searchParams.get("batch") === "1";
  const headers = more.retryAfterSeconds === undefined
    ? {}
    : { "retry-after": String(more.retryAfterSeconds) };
  const status = errors[0]?.error.data.httpStatus ?? 500;
  return Response.json(isBatch ? errors : errors[0], { status, headers });
}
