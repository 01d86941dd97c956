import { assert, assertEquals } from "@std/assert";
import { setImmediate } from "node:timers";
import { SIGNING_KEY_LABEL } from "../../server/create_auth.ts";
import { connect } from "../../server/store/connect.ts";
import { listSigningKeys } from "../../server/store/signing_keys.ts";
import { deriveAesKey } from "../../server/tokens/derive_key.ts";
import { createKeyRing } from "../../server/tokens/key_ring.ts";
import { registerUser, startTestApp, type TestApp, testSecret } from "../kit/app.ts";
import { testClock } from "../kit/clock.ts";
import { decodeToken, encodePart } from "../kit/jwt.ts";
import { refresh } from "../kit/sessions.ts";
import { createProbeRouter, describe, startSplitApp, tally, unavailable } from "./probe_app.ts";

const ROTATION_SECONDS = 3_600;

/** Publishes a key and lets it sign. */
async function rotateKey(app: TestApp): Promise<void> {
  await app.advance(ROTATION_SECONDS);
  await app.auth.runUpkeep();
}

/** A token of the right form whose key nobody knows. */
function withUnknownKid(token: string): string {
  const [, claims, signature] = token.split(".");
  const { header } = decodeToken(token);
  return `${encodePart({ ...header, kid: "x".repeat(43) })}.${claims}.${signature}`;
}

Deno.test("an unknown kid while the keys are out of reach is 503, and 401 soon after they are back", async () => {
  const clock = testClock();
  await using app = await startSplitApp({ far: { clock } });
  const { tokens } = await registerUser(app.near);
  const bearer = withUnknownKid(tokens.accessToken);
  clock.shiftMs += 11_000;
  await app.proxy.set("refuse");
  for (let call = 0; call < 3; call++) {
    assertEquals(describe(await app.far.call("read", { bearer })), unavailable);
    clock.shiftMs += 100;
  }
  await app.proxy.set("pass");
  clock.shiftMs += 5_000;
  assertEquals(describe(await app.far.call("read", { bearer })), "401 TOKEN_INVALID");
});

Deno.test("F-33: whatever arrives under unknown kids, the keys are read at most once in 10 s", async () => {
  await using app = await startSplitApp();
  const { tokens } = await registerUser(app.near);
  const readings = () => app.proxy.countSent('from "signing_keys"');
  readings();
  await app.near.advance(11);
  const bearer = withUnknownKid(tokens.accessToken);
  const answers = await Promise.all(Array.from({ length: 100 }, () => app.far.call("read", { bearer })));
  assertEquals(tally(answers), { "401 TOKEN_INVALID": 100 });
  assertEquals(readings(), 1);
});

Deno.test("F-33: while a new key takes over, whoever signs at that moment gets the old one or the new one", async () => {
  await using app = await startTestApp({ signingKeyRotationSeconds: ROTATION_SECONDS });
  await rotateKey(app);
  const store = connect({ databaseUrl: app.database.url, poolSize: 2 });
  const stored = await store.query(listSigningKeys);
  await store.close();
  let turn = 0;
  const ring = createKeyRing({
    // The two keys take turns, which makes a rotation of every reading.
    read: () =>
      Promise.resolve(stored.map((key, at) => ({ ...key, state: at === turn % 2 ? "active" : "retired" }))),
    encryptionKey: await deriveAesKey(testSecret, SIGNING_KEY_LABEL),
    clock: testClock(),
  });
  await ring.reload();
  const failures = new Set<string>();
  const kids = new Set<string>();
  for (turn = 1; turn < 50; turn++) {
    let isDone = false;
    const reloading = ring.reload().finally(() => isDone = true);
    while (!isDone) {
      await ring.requireSigningKey().then(({ kid }) => kids.add(kid), (error) => failures.add(error.message));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await reloading;
    assertEquals((await ring.requireSigningKey()).kid, stored[turn % 2]?.kid);
  }
  assertEquals([...failures], []);
  assertEquals(kids.size, 2);
});

Deno.test("F-22: an instance that woke from a suspension, its monotonic clock behind, signs with no dropped key", async () => {
  const clock = testClock();
  const suspended = { now: () => clock.now(), monotonicMs: () => performance.now() };
  await using app = await startTestApp({
    router: createProbeRouter(),
    signingKeyRotationSeconds: ROTATION_SECONDS,
  });
  const sleeper = await app.startInstance({ clock: suspended });
  const { tokens } = await registerUser(sleeper);
  for (let turns = 0; turns < 3; turns++) {
    clock.shiftMs += ROTATION_SECONDS * 1_000;
    await rotateKey(app);
  }
  const { data } = await refresh(sleeper, tokens.refreshToken);
  assertEquals((await app.call("read", { bearer: data.accessToken })).status, 200);
});

Deno.test("F-35: a key row that was altered stops no verification with the keys that are loaded", async () => {
  await using app = await startTestApp({ router: createProbeRouter() });
  const { tokens } = await registerUser(app);
  await app.database.sql`update signing_keys set public_jwk = jsonb_set(public_jwk, '{x}', '"AAAA"')`;
  await app.advance(61);
  await app.auth.runUpkeep().catch(() => {});
  assertEquals((await app.call("read", { bearer: tokens.accessToken })).status, 200);
});

Deno.test("F-35: an instance that cannot read its keys is not ready", async () => {
  await using app = await startTestApp();
  await app.database.sql`update signing_keys set public_jwk = jsonb_set(public_jwk, '{x}', '"AAAA"')`;
  await app.advance(61);
  await app.auth.runUpkeep().catch(() => {});
  assertEquals((await app.call("/health/ready")).status, 503);
});

Deno.test("private keys are at rest only encrypted, bound to their kid and to the secret", async () => {
  await using app = await startTestApp();
  const [row] = await app.database.sql<{ kid: string; private_encrypted: Uint8Array<ArrayBuffer> }[]>`
    select kid, private_encrypted from signing_keys`;
  if (row === undefined) throw new Error("there is no key");
  const sealed = new Uint8Array(row.private_encrypted);
  const key = await deriveAesKey(testSecret, SIGNING_KEY_LABEL);
  const open = (kid: string) =>
    crypto.subtle.decrypt(
      {
        name: "AES-GCM",
        iv: sealed.subarray(0, 12),
        additionalData: new TextEncoder().encode(`signing key ${kid}`),
      },
      key,
      sealed.subarray(12),
    );
  const pkcs8 = new Uint8Array(await open(row.kid));
  assertEquals(await open("another").then(() => "opened", () => "refused"), "refused");

  // PKCS #8 of Ed25519 is a fixed prefix and the 32 bytes that are the key.
  const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const tables = await app.database.sql<{ text: string }[]>`select t::text as text from signing_keys t`;
  const stored = tables.map(({ text }) => text).join();
  assert(stored.includes(hex(sealed)), "this would not see the key in the row");
  for (const secret of [pkcs8.slice(0, 16), pkcs8.slice(-32)]) assert(!stored.includes(hex(secret)));
});

async function runRotateKeys(databaseUrl: string, secret: string): Promise<{ code: number; output: string }> {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "server/rotate_keys.ts"],
    cwd: new URL("../../", import.meta.url).pathname,
    env: { DATABASE_URL: databaseUrl, KEY_ENCRYPTION_SECRET: secret },
    stderr: "null",
  }).output();
  return { code, output: new TextDecoder().decode(stdout) };
}

Deno.test("keys:rotate publishes once however often it runs, and not at all under another secret", async () => {
  await using app = await startTestApp();
  const states = async () => {
    const rows = await app.database.sql<{ state: string }[]>`select state from signing_keys order by state`;
    return rows.map(({ state }) => state);
  };
  const wrong = await runRotateKeys(app.database.url, "another-secret-another-secret-another");
  assert(wrong.code !== 0 && wrong.output.includes("KEY_ENCRYPTION_SECRET"), wrong.output);
  assertEquals(await states(), ["active"]);

  const [first, second] = [
    await runRotateKeys(app.database.url, testSecret),
    await runRotateKeys(app.database.url, testSecret),
  ];
  assertEquals([first.code, second.code], [0, 0]);
  assertEquals(second.output, first.output);
  assertEquals(await states(), ["active", "pending"]);
});
