import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  createTRPCClient,
  httpBatchLink,
  httpBatchStreamLink,
  httpLink,
  type TRPCClient,
  TRPCClientError,
} from "@trpc/client";
import { eventually } from "../faults/probe_app.ts";
import type { TestDatabase } from "../kit/database.ts";
import { sendRaw } from "../kit/raw_http.ts";
import type { HostRouter } from "./host_app.ts";

/** A host under test. */
export interface HostUnderTest {
  /** Where `/trpc` is, below what the host mounts it at. */
  base: string;
  database: TestDatabase;
}

type Link = typeof httpLink | typeof httpBatchLink | typeof httpBatchStreamLink;
const password = "correct horse battery";

/** Asserts that a call is refused for a reason. */
export async function refused(reason: string, call: () => Promise<unknown>): Promise<void> {
  const error = await assertRejects(call, TRPCClientError<HostRouter>);
  assertEquals(error.data?.auth?.reason, reason);
}

/** A client with a token, or as nobody. */
export function connect(
  { base }: HostUnderTest,
  accessToken?: string,
  link: Link = httpLink,
): TRPCClient<HostRouter> {
  const headers = accessToken ? { authorization: `Bearer ${accessToken}` } : {};
  return createTRPCClient<HostRouter>({ links: [link({ url: `${base}/trpc`, headers })] });
}

/** Somebody new. */
export async function signUp(host: HostUnderTest) {
  const username = `user-${crypto.randomUUID().slice(0, 8)}`;
  const result = await connect(host).auth.register.mutate({ username, password });
  if (result.status !== "signed_in") throw new Error(result.status);
  const { accessToken, refreshToken = "" } = result.tokens;
  return { username, userId: result.user.id, accessToken, refreshToken };
}

/** A connection of its own each time: where a host has several workers, the kernel chooses one. */
async function callAnew({ base }: HostUnderTest, path: string, body?: unknown): Promise<unknown> {
  using client = Deno.createHttpClient({});
  const init = {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  };
  const response = await fetch(`${base}/trpc/${path}`, { client, ...(body === undefined ? {} : init) });
  return (await response.json()).result.data;
}

/** Opens a gate in whichever worker answers, until what waits behind it has passed. */
async function openGateUntil(host: HostUnderTest, gate: string, hasPassed: () => boolean): Promise<void> {
  await eventually(`gate ${gate} is passed`, 5_000, async () => {
    await callAnew(host, "openGate", gate);
    return hasPassed();
  });
}

const post = ({ base }: HostUnderTest, path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${base}/trpc/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: body instanceof ReadableStream ? body : JSON.stringify(body),
  });

async function reasonOf(response: Response): Promise<unknown> {
  return (await response.json()).error?.data?.auth?.reason;
}

/** What every host must do, in order; the last one moves the database's clock. */
export const hostPromises: Record<string, (host: HostUnderTest) => Promise<void>> = {
  async "registers, signs in, and calls what is protected"(host) {
    const { username, userId } = await signUp(host);
    const result = await connect(host).auth.login.mutate({ identifier: username, password });
    if (result.status !== "signed_in") throw new Error(result.status);
    assertEquals(await connect(host, result.tokens.accessToken).whoami.query(), userId);
    await refused("TOKEN_MISSING", () => connect(host).whoami.query());
  },

  async "knows the client by its socket, whatever the client writes"(host) {
    const response = await fetch(`${host.base}/trpc/address`, {
      headers: { "x-forwarded-for": "203.0.113.7" },
    });
    assertEquals((await response.json()).result.data, "127.0.0.1");
  },

  async "hands the refresh cookie out and takes it back"(host) {
    const { username } = await signUp(host);
    const headers = { "x-watchword-mode": "cookie", origin: "https://app.test" };
    const login = await post(host, "auth.login", { identifier: username, password }, headers);
    const [cookie = ""] = login.headers.getSetCookie();
    assert(cookie.startsWith("__Host-watchword_refresh="), `no cookie, status ${login.status}`);
    assertEquals((await login.json()).result.data.tokens.refreshToken, undefined);
    const again = await post(host, "auth.refresh", {}, { ...headers, cookie: cookie.split(";", 1)[0] ?? "" });
    assertEquals([again.status, again.headers.getSetCookie().length], [200, 1]);
    await again.body?.cancel();
  },

  async "refuses a body above its bound, declared or not, and serves the next call"(host) {
    const { accessToken } = await signUp(host);
    const big = (length: number) => ({ text: "x".repeat(length) });
    const bearer = { authorization: `Bearer ${accessToken}` };
    const own = await post(host, "auth.login", { identifier: "ada", password: "x".repeat(20_000) });
    assertEquals([own.status, await reasonOf(own)], [413, "BODY_TOO_LARGE"]);
    const app = await post(host, "note", big(200_000), bearer);
    assertEquals([app.status, await reasonOf(app)], [413, "BODY_TOO_LARGE"]);
    const chunk = new TextEncoder().encode(" ".repeat(30_000));
    const undeclared = ReadableStream.from([chunk, chunk, chunk, chunk]);
    const streamed = await post(host, "note", undeclared, bearer);
    assertEquals([streamed.status, await reasonOf(streamed)], [413, "BODY_TOO_LARGE"]);
    assertEquals(await connect(host, accessToken).note.mutate(big(90_000)), 90_000);
  },

  async "closes a connection whose body it did not read, so that no other call is lost with it"(host) {
    const { host: name, pathname } = new URL(host.base);
    const { status, headers } = await sendRaw(
      host.base,
      `POST ${pathname.replace(/\/$/, "")}/trpc/auth.login HTTP/1.1\r\nHost: ${name}\r\n` +
        "Content-Type: application/json\r\nContent-Length: 200000\r\n\r\n{",
    );
    assertEquals([status, headers.get("connection")], [413, "close"]);
  },

  async "answers a batch, each call for itself"(host) {
    const { accessToken, userId } = await signUp(host);
    const client = connect(host, accessToken, httpBatchLink);
    const [whoami, address, missing] = await Promise.allSettled([
      client.whoami.query(),
      client.address.query(),
      client.auth.sessions.revoke.mutate({ sessionId: crypto.randomUUID() }),
    ]);
    assertEquals([whoami, address], [
      { status: "fulfilled", value: userId },
      { status: "fulfilled", value: "127.0.0.1" },
    ]);
    assertEquals(missing.status, "rejected");
  },

  async "sends a stream piece by piece, not when it is whole"(host) {
    const { accessToken } = await signUp(host);
    const gate = crypto.randomUUID();
    const pieces: string[] = [];
    const reading = (async () => {
      for await (const piece of await connect(host, accessToken, httpBatchStreamLink).pieces.query(gate)) {
        pieces.push(piece);
      }
    })();
    await eventually("the first piece is here", 5_000, () => pieces.length === 1);
    await openGateUntil(host, gate, () => pieces.length === 2);
    await reading;
    assertEquals(pieces, ["first", "second"]);
  },

  async "sends events as they happen, and ends when the client leaves"(host) {
    const { accessToken } = await signUp(host);
    const gate = crypto.randomUUID();
    const leaving = new AbortController();
    const input = encodeURIComponent(JSON.stringify(gate));
    const response = await fetch(`${host.base}/trpc/events?input=${input}`, {
      headers: { authorization: `Bearer ${accessToken}`, accept: "text/event-stream" },
      signal: leaving.signal,
    });
    let text = "";
    const reading = (async () => {
      for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) text += piece;
    })().catch(() => {});
    await eventually("the first event is here", 5_000, () => text.includes('"first"'));
    assert(!text.includes('"second"'));
    await openGateUntil(host, gate, () => text.includes('"second"'));
    leaving.abort();
    await reading;
    await eventually("its procedure ended", 5_000, async () => await callAnew(host, "left") !== 0);
  },

  async "takes two Authorization headers for one that is malformed"(host) {
    const { accessToken } = await signUp(host);
    const { host: name, pathname } = new URL(host.base);
    const line = `Authorization: Bearer ${accessToken}\r\n`;
    const { text } = await sendRaw(
      host.base,
      `GET ${
        pathname.replace(/\/$/, "")
      }/trpc/whoami HTTP/1.1\r\nHost: ${name}\r\n${line}${line}Connection: close\r\n\r\n`,
    );
    assertEquals(JSON.parse(text).error.data.auth.reason, "TOKEN_INVALID");
  },

  async "refuses the next call after a logout"(host) {
    const { accessToken, refreshToken } = await signUp(host);
    const client = connect(host, accessToken);
    await client.auth.logout.mutate({});
    await refused("SESSION_REVOKED", () => client.whoami.query());
    await refused("SESSION_REVOKED", () => client.auth.refresh.mutate({ refreshToken }));
  },

  async "refuses a token whose time is over, and renews it"(host) {
    const { userId, accessToken, refreshToken } = await signUp(host);
    await host.database.shiftClock(700_000);
    // Each look at the denylist tells the host what time the database has.
    await eventually("the token has expired", 10_000, async () => {
      await (await fetch(`${host.base}/health/ready`)).body?.cancel();
      return await connect(host, accessToken).whoami.query().then(() => false, () => true);
    });
    await refused("TOKEN_EXPIRED", () => connect(host, accessToken).whoami.query());
    const tokens = await connect(host).auth.refresh.mutate({ refreshToken });
    assertEquals(await connect(host, tokens.accessToken).whoami.query(), userId);
  },
};

/** What a call answers that is under way when its host is told to stop. */
export async function callWhileStopping(
  host: HostUnderTest,
  stop: () => Promise<unknown>,
): Promise<string[]> {
  const { accessToken } = await signUp(host);
  const pieces: string[] = [];
  let stopped: Promise<unknown> | undefined;
  for await (const piece of await connect(host, accessToken, httpBatchStreamLink).outlive.query()) {
    pieces.push(piece);
    stopped ??= stop();
  }
  await stopped;
  return pieces;
}
