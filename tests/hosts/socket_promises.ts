import { assertEquals } from "@std/assert";
import { createTRPCClient, createWSClient, wsLink } from "@trpc/client";
import { eventually } from "../kit/eventually.ts";
import { openRawSocket } from "../kit/raw_socket.ts";
import type { HostRouter } from "./host_app.ts";
import { connect, type HostUnderTest, refused, signUp } from "./host_promises.ts";

const findSocketUrl = ({ base }: HostUnderTest) => `${base.replace("http:", "ws:")}/trpc`;

/** A client whose calls all go over one WebSocket. */
function connectSocket(host: HostUnderTest, accessToken: string) {
  const connection = createWSClient({
    url: findSocketUrl(host),
    connectionParams: { authorization: `Bearer ${accessToken}` },
  });
  return {
    client: createTRPCClient<HostRouter>({ links: [wsLink({ client: connection })] }),
    [Symbol.asyncDispose]: () => connection.close(),
  };
}

/** What every host must do that has WebSockets. */
export const socketPromises: Record<string, (host: HostUnderTest) => Promise<void>> = {
  async "a subscription and a mutation work over WebSocket with the token in connectionParams"(host) {
    const { accessToken } = await signUp(host);
    await using socket = connectSocket(host, accessToken);
    const { client } = socket;
    const gate = crypto.randomUUID();
    const events: string[] = [];
    const subscription = client.events.subscribe(gate, { onData: (event) => events.push(event) });
    await eventually("the first event is here", 5_000, () => events.length === 1);
    assertEquals(await client.note.mutate({ text: "hello" }), 5);
    await client.openGate.mutate(gate);
    await eventually("the second event is here", 5_000, () => events.length === 2);
    assertEquals(events, ["first", "second"]);
    const leftBefore = await client.left.query();
    subscription.unsubscribe();
    await eventually("its procedure ended", 5_000, async () => await client.left.query() > leftBefore);
  },

  async "a sign-out ends the subscriptions over WebSocket, and the socket is good for nothing after it"(
    host,
  ) {
    const { accessToken } = await signUp(host);
    await using socket = connectSocket(host, accessToken);
    const { client } = socket;
    const reasons: unknown[] = [];
    let isHere = false;
    client.events.subscribe(crypto.randomUUID(), {
      onData: () => isHere = true,
      onError: ({ data }) => reasons.push(data?.auth?.reason),
    });
    await eventually("the first event is here", 5_000, () => isHere);
    await connect(host, accessToken).auth.logout.mutate({});
    await eventually("the subscription has ended", 10_000, () => reasons.length > 0);
    assertEquals(reasons, ["SESSION_REVOKED"]);
    await refused("SESSION_REVOKED", () => client.whoami.query());
  },

  async "knows a WebSocket's client by its address, and refuses a page of a foreign origin"(host) {
    const { accessToken } = await signUp(host);
    const authorization = `Bearer ${accessToken}`;
    const url = findSocketUrl(host);
    using own = await openRawSocket(url, { headers: { authorization, origin: "https://app.test" } });
    assertEquals((await own.call("address")).data, "127.0.0.1");
    using foreign = await openRawSocket(url, { headers: { authorization, origin: "https://evil.test" } });
    assertEquals((await foreign.call("whoami")).reason, "CSRF");
  },

  async "closes a WebSocket whose message is above its bound"(host) {
    const { socket, closed } = await openSocket(host);
    socket.send("x".repeat(20_000));
    assertEquals(await closed(), 1009);
  },
};

/** Opens a socket that says nothing; `closed` waits for the code that it is closed with. */
export async function openSocket(
  host: HostUnderTest,
): Promise<{ socket: WebSocket; closed: () => Promise<number | null> }> {
  const socket = new WebSocket(findSocketUrl(host));
  let closeCode: number | null = null;
  socket.onclose = ({ code }) => closeCode = code;
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  const closed = async () => {
    await eventually("the socket is closed", 5_000, () => closeCode !== null);
    return closeCode;
  };
  return { socket, closed };
}
