import type { AuthErrorData } from "@watchword/shared/reasons";
import { bearerHeaders } from "./access.ts";
import { authClientError } from "./auth_client_error.ts";
import { readAuthErrorData } from "./auth_reason.ts";
import { limit } from "./limit.ts";

/** What the auth server said: data, or a reason of the closed list. */
export type Answer<T> =
  | { data: T; reason?: never; retryAfterSeconds?: never }
  | AuthErrorData & { data?: never };

/**
 * Posts to one auth procedure by itself: never in a batch or a stream with the app's calls.
 *
 * @throws AuthClientError `unreachable` when no answer came that the auth server can have made
 */
export type AuthApi = <T>(procedure: string, input: unknown, options?: AuthApiOptions) => Promise<Answer<T>>;

interface AuthApiOptions {
  accessToken?: string | undefined;
  /** In cookie mode too the cookie stays at home. */
  isBearerOnly?: boolean;
  signal?: AbortSignal | undefined;
}

interface AuthApiSettings {
  url: string;
  mount: string;
  fetch: typeof fetch;
  timeoutMs: number;
  /** The refresh token travels in a cookie, and the header that asks for it is the proof against CSRF. */
  isCookieMode: boolean;
  transformer?: unknown;
  /** Ends what is under way. */
  life: AbortSignal;
}

interface Codec {
  serialize(value: unknown): unknown;
  deserialize(value: unknown): unknown;
}
/** As tRPC takes it: one for both ways, or one for each. */
type Transformer = Codec & { input?: Codec; output?: Codec };

const identity = (value: unknown) => value;
const noTransformer: Transformer = { serialize: identity, deserialize: identity };

/** Builds the transport. */
export function createAuthApi(
  { url, mount, fetch, timeoutMs, isCookieMode, transformer, life }: AuthApiSettings,
): AuthApi {
  const codec = (transformer ?? noTransformer) as Transformer;
  const { input: encoder = codec, output: decoder = codec } = codec;

  return async <T>(
    procedure: string,
    input: unknown,
    { accessToken, isBearerOnly, signal }: AuthApiOptions = {},
  ): Promise<Answer<T>> => {
    const usesCookie = isCookieMode && !isBearerOnly;
    async function send(signal: AbortSignal): Promise<Answer<T>> {
      const response = await fetch(`${url}/${mount && `${mount}.`}${procedure}`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(usesCookie && { "x-watchword-mode": "cookie" }),
          ...bearerHeaders(accessToken),
        },
        ...(usesCookie && { credentials: "include" }),
        // A password or a refresh token goes where it was meant to go, and nowhere else.
        redirect: "error",
        body: JSON.stringify(encoder.serialize(input)),
        signal,
      });
      // A parser's message would quote what it could not read.
      const { result, error } = Object(await response.json().catch(() => null));
      if (result?.data !== undefined) return { data: decoder.deserialize(result.data) as T };
      // A proxy's error page, or a 401 of something in between, is no answer: it must never sign anyone out.
      const refusal = readAuthErrorData(error && decoder.deserialize(error));
      if (refusal === null) throw new Error("not an answer of the auth server");
      return refusal;
    }
    try {
      return await limit(send, { ms: timeoutMs, signals: [signal, life] });
    } catch (cause) {
      throw signal?.aborted ? cause : authClientError("unreachable", { cause });
    }
  };
}
