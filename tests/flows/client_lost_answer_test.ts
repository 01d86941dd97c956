import { assert, assertEquals } from "@std/assert";
import { isAuthClientError } from "@watchword/client";
import { memoryStore, type SessionStorage } from "@watchword/client/storage";
import { password, startTestApp, type TestApp } from "../kit/app.ts";
import { readSession } from "../kit/sessions.ts";
import { createWire, networkError, type Wire } from "../kit/wire.ts";

/** A wire on which the first `lost` answers to a refresh do not arrive. */
function losingWire(lost: number): Wire {
  let refreshes = 0;
  return createWire(async ({ procedures }, forward) => {
    const answer = await forward();
    if (procedures[0] !== "auth.refresh" || ++refreshes > lost) return answer;
    await answer.body?.cancel();
    return networkError();
  });
}

async function signIn(app: TestApp, wire: Wire, storage: SessionStorage = memoryStore()) {
  const client = app.client({ fetch: wire.fetch, storage });
  await client.register({ username: "ada", password });
  const { state } = client;
  return { client, sessionId: state.status === "authenticated" ? state.sessionId : "" };
}

const attemptsOf = (wire: Wire) =>
  wire.sent.filter(({ procedures }) => procedures[0] === "auth.refresh").map(({ body }) =>
    JSON.parse(body).attemptId
  );

const name = async (client: ReturnType<TestApp["client"]>) =>
  (await client.trpc.auth.me.query()).user.username;

Deno.test("C-55, A-036: a refresh whose answer was lost is repeated with the same attempt id, and rotates once", async () => {
  await using app = await startTestApp();
  const wire = losingWire(1);
  const { client, sessionId } = await signIn(app, wire);
  await app.advance(3_600);
  const error = await name(client).catch((thrown) => thrown);
  assertEquals(isAuthClientError(error.cause) && error.cause.code, "unreachable");
  assertEquals(client.state.status, "authenticated");
  await app.advance(60);
  assertEquals(await name(client), "ada");
  const attempts = attemptsOf(wire);
  assertEquals([attempts.length, new Set(attempts).size], [2, 1]);
  assertEquals((await readSession(app, sessionId)).generation, 1);
});

Deno.test("C-55, INV-4: a client whose radio was dead for hours after the rotation is not called a thief", async () => {
  await using app = await startTestApp({ refreshLeewaySeconds: 0 });
  const wire = losingWire(5);
  const { client, sessionId } = await signIn(app, wire);
  await app.advance(3_600);
  for (let i = 0; i < 5; i++) {
    await name(client).catch(() => {});
    await app.advance(3_600);
  }
  assertEquals(await name(client), "ada");
  assertEquals([new Set(attemptsOf(wire)).size, (await readSession(app, sessionId)).generation], [1, 1]);
});

Deno.test("C-56, F-07: a client that was restarted before the answer came asks with the stored attempt id", async () => {
  await using app = await startTestApp({ refreshLeewaySeconds: 0 });
  const storage = memoryStore();
  const wire = losingWire(1);
  const { client, sessionId } = await signIn(app, wire, storage);
  await app.advance(3_600);
  await name(client).catch(() => {});
  client.dispose();
  using restarted = app.client({ fetch: wire.fetch, storage });
  assertEquals(await name(restarted), "ada");
  assertEquals([new Set(attemptsOf(wire)).size, (await readSession(app, sessionId)).generation], [1, 1]);
});

Deno.test("an attempt id is dropped on a definite answer: the next refresh has another one", async () => {
  await using app = await startTestApp();
  const wire = createWire();
  const { client, sessionId } = await signIn(app, wire);
  for (let i = 0; i < 3; i++) {
    await app.advance(3_600);
    await name(client);
  }
  const attempts = attemptsOf(wire);
  assertEquals([attempts.length, new Set(attempts).size, (await readSession(app, sessionId)).generation], [
    3,
    3,
    3,
  ]);
  for (const attempt of attempts) assert(/^[A-Za-z0-9_-]{21}[AQgw]$/.test(attempt), attempt);
});

Deno.test("the attempt id is in the store before it is on the wire", async () => {
  await using app = await startTestApp();
  const storage = memoryStore();
  const seen: unknown[] = [];
  const wire = createWire(async ({ procedures, body }, forward) => {
    if (procedures[0] === "auth.refresh") {
      const stored = JSON.parse(await storage.get("watchword") ?? "{}");
      seen.push(stored.attemptId === JSON.parse(body).attemptId);
    }
    return await forward();
  });
  const { client } = await signIn(app, wire, storage);
  await app.advance(3_600);
  await name(client);
  assertEquals(seen, [true]);
});

Deno.test("C-36, F-05: two clients over one store that refresh at once both go on, and the session lives", async () => {
  await using app = await startTestApp();
  const storage = memoryStore();
  const wire = createWire();
  const { client, sessionId } = await signIn(app, wire, storage);
  using other = app.client({ fetch: wire.fetch, storage });
  await other.ready;
  await app.advance(3_600);
  assertEquals(await Promise.all([name(client), name(other)]), ["ada", "ada"]);
  const { revoked_at, generation } = await readSession(app, sessionId);
  assertEquals([revoked_at, generation <= 2], [null, true]);
});
