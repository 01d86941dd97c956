import type { AuthErrorData } from "@watchword/shared/reasons";
import { authClientError } from "./auth_client_error.ts";
import { readAuthErrorData } from "./auth_reason.ts";

/** What the auth server said: data, or a reason of the closed list. */
export type Answer<T> = { ok: true; data: T } | { ok: false; auth: AuthErrorData };

/** Calls auth procedures by themselves: never in a batch or a stream with the app's calls. */
export interface AuthApi {
  /**
   * Posts to one auth procedure.
   *
   * @throws AuthClientError `unreachable` when no answer came that the auth server can have made
   */
  call<T>(procedure: string, input: unknown, options?: CallOptions): Promise<Answer<T>>;
  /** Ends what is under way. */
  dispose(): void;
}

interface CallOptions {
  accessToken?: string | undefined;
  /** In cookie mode too the cookie stays at home. */
  isBearerOnly?: boolean;
  signal?: AbortSignal | undefined;
}

interface AuthApiOptions {
  url: string;
  mount: string;
  fetch: typeof fetch;
  timeoutMs: number;
  /** The refresh token travels in a cookie, and the header that asks for it is the proof against CSRF. */
  isCookieMode: boolean;
  transformer?: unknown;
}

interface Codec {
  serialize(value: unknown): unknown;
  deserialize(value: unknown): unknown;
}
/** As tRPC takes it: one for both ways, or one for each. */
type Transformer = Codec | { input: Codec; output: Codec };
const noTransformer: Codec = { serialize: (value) => value, deserialize: (value) => value };

/** Builds the transport. */
export function createAuthApi(options: AuthApiOptions): AuthApi {
  const { url, mount, fetch, timeoutMs, isCookieMode } = options;
  const prefix = mount === "" ? "" : `${mount}.`;
  const transformer = options.transformer as Transformer ?? noTransformer;
  const { input: encoder, output: decoder } = "input" in transformer
    ? transformer
    : { input: transformer, output: transformer };
  const underWay = new Set<AbortController>();

  async function call<T>(
    procedure: string,
    input: unknown,
    { accessToken, isBearerOnly = false, signal }: CallOptions = {},
  ): Promise<Answer<T>> {
    const usesCookie = isCookieMode && !isBearerOnly;
    const controller = new AbortController();
    const abort = () => controller.abort();
    const timer = setTimeout(abort, timeoutMs);
    signal?.addEventListener("abort", abort);
    underWay.add(controller);
    async function send(): Promise<unknown> {
      const response = await fetch(`${url}/${prefix}${procedure}`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(usesCookie ? { "x-watchword-mode": "cookie" } : {}),
          ...(accessToken ? { authorization: `Bearer ${accessToken}` } : {}),
        },
        ...(usesCookie ? { credentials: "include" } : {}),
        // A password or a refresh token goes where it was meant to go, and nowhere else.
        redirect: "error",
        body: JSON.stringify(encoder.serialize(input)),
        signal: controller.signal,
      });
      // A parser's message would quote what it could not read.
      return await response.json().catch(() => null);
    }
    try {
      if (signal?.aborted) throw signal.reason;
      return readAnswer<T>(await untilAborted(send(), controller.signal), decoder);
    } catch (cause) {
      if (signal?.aborted) throw signal.reason;
      throw authClientError("unreachable", { cause });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      underWay.delete(controller);
    }
  }

  return {
    call,
    dispose: () => underWay.forEach((controller) => controller.abort()),
  };
}

/** Waits for a promise no longer than for a signal, whatever the promise makes of it. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const abort = () => reject(signal.reason ?? new Error("aborted"));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

// A proxy's error page, or a 401 of something in between, is no answer: it must never sign anyone out.
function readAnswer<T>(body: unknown, codec: Codec): Answer<T> {
  const envelope = body as { result?: { data?: unknown }; error?: unknown } | null;
  if (envelope?.result?.data !== undefined) {
    return { ok: true, data: codec.deserialize(envelope.result.data) as T };
  }
  const auth = readAuthErrorData(codec.deserialize(envelope?.error));
  if (auth === null) throw new Error("not an answer of the auth server");
  return { ok: false, auth };
}
