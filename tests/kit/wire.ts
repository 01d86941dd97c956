/** A request that left the client. */
export interface Sent {
  /** The procedures that it called, as in its path. */
  procedures: string[];
  body: string;
  authorization: string | null;
}

/** A `fetch` that remembers what it sent, and may be cut at either end. */
export interface Wire {
  fetch: typeof fetch;
  sent: Sent[];
  /** How many requests called a procedure. */
  count(procedure: string): number;
}

type Alter = (sent: Sent, forward: () => Promise<Response>) => Promise<Response>;

/** Builds a wire. `alter` may answer by itself, or forward and then answer something else. */
export function createWire(alter: Alter = (_, forward) => forward()): Wire {
  const sent: Sent[] = [];
  return {
    sent,
    count: (procedure) => sent.filter(({ procedures }) => procedures.includes(procedure)).length,
    fetch(input, init) {
      const { pathname } = new URL(input instanceof Request ? input.url : input);
      const one: Sent = {
        procedures: decodeURIComponent(pathname.slice(pathname.lastIndexOf("/") + 1)).split(","),
        body: typeof init?.body === "string" ? init.body : "",
        authorization: new Headers(init?.headers).get("authorization"),
      };
      sent.push(one);
      return alter(one, () => fetch(input, init));
    },
  };
}

/** What a socket that breaks does to a `fetch`. */
export function networkError(): never {
  throw new TypeError("error sending request: connection reset");
}

/** An answer of tRPC's shape that refuses every call of the request alike. */
export function refusal(sent: Sent, status: number, auth: Record<string, unknown>): Response {
  const one = {
    error: { message: "refused", code: -32001, data: { code: "UNAUTHORIZED", httpStatus: status, auth } },
  };
  const isBatch = sent.procedures.length > 1 || !sent.procedures[0]?.startsWith("auth.");
  return Response.json(isBatch ? sent.procedures.map(() => one) : one, { status });
}
