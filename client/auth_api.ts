import type { AuthErrorData } from "@watchword/shared";
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
}

interface CallOptions {
  accessToken?: string | undefined;
  signal?: AbortSignal | undefined;
}

interface AuthApiOptions {
  url: string;
  mount: string;
  fetch: typeof fetch;
  timeoutMs: number;
}

/** Builds the transport. */
export function createAuthApi({ url, mount, fetch, timeoutMs }: AuthApiOptions): AuthApi {
  const prefix = mount === "" ? "" : `${mount}.`;
  return {
    async call<T>(
      procedure: string,
      input: unknown,
      { accessToken, signal }: CallOptions = {},
    ): Promise<Answer<T>> {
      const controller = new AbortController();
      const abort = () => controller.abort(signal?.reason);
      signal?.addEventListener("abort", abort);
      if (signal?.aborted) abort();
      const timer = setTimeout(() => controller.abort(), timeoutMs);
      try {
        const response = await fetch(`${url}/${prefix}${procedure}`, {
          method: "POST",
          headers: {
            "content-type": "application/json",
            ...(accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` }),
          },
          body: JSON.stringify(input),
          signal: controller.signal,
        });
        return readAnswer<T>(await response.json());
      } catch (cause) {
        if (signal?.aborted) throw signal.reason;
        throw authClientError("unreachable", { cause });
      } finally {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
      }
    },
  };
}

// A proxy's error page, or a 401 of something in between, is no answer: it must never sign anyone out.
function readAnswer<T>(body: unknown): Answer<T> {
  const envelope = body as { result?: { data?: T }; error?: unknown } | null;
  if (envelope?.result?.data !== undefined) return { ok: true, data: envelope.result.data };
  const auth = readAuthErrorData(envelope?.error);
  if (auth === null) throw new Error("not an answer of the auth server");
  return { ok: false, auth };
}
