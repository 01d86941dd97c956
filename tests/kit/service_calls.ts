import { password } from "./app.ts";

/** An answer of a service in another process. */
export interface ServiceAnswer {
  status: number;
  // deno-lint-ignore no-explicit-any -- tests look at whatever came
  data: any;
  reason: string | undefined;
}

/** Calls a procedure, or a path that begins with a slash. */
export async function callService(
  origin: string,
  path: string,
  { body, bearer }: { body?: unknown; bearer?: string } = {},
): Promise<ServiceAnswer> {
  const response = await fetch(path.startsWith("/") ? `${origin}${path}` : `${origin}/trpc/${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const json = await response.json();
  return { status: response.status, data: json.result?.data, reason: json.error?.data?.auth?.reason };
}

/** Registers a user with a name of their own. */
export async function signUp(origin: string) {
  const username = `user-${crypto.randomUUID().slice(0, 8)}`;
  const { status, data } = await callService(origin, "auth.register", { body: { username, password } });
  if (status !== 200) throw new Error(`registration was answered with ${status}`);
  return { username, ...data.tokens as { accessToken: string; refreshToken: string } };
}
