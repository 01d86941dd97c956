import { assert, assertEquals, assertRejects } from "@std/assert";
import { deriveAesKey } from "./derive_key.ts";
import { createKeyRing } from "./key_ring.ts";
import { generateSigningKey, type StoredSigningKey, WrongKeyEncryptionSecret } from "./signing_key.ts";

/** A ring over rows that a test can change, with a clock that it can move. */
async function createRing(secret = "the right secret, and long enough") {
  const encryptionKey = await deriveAesKey(secret, "test");
  const make = async (state: StoredSigningKey["state"]): Promise<StoredSigningKey> => ({
    ...await generateSigningKey(encryptionKey),
    state,
  });
  const world = { rows: [await make("active")], reads: 0, nowMs: 0, isAway: false };
  const open = async (key: CryptoKey = encryptionKey) =>
    await Promise.resolve(createKeyRing({
      read: () => {
        world.reads++;
        return world.isAway ? Promise.reject(new Error("away")) : Promise.resolve(world.rows);
      },
      encryptionKey: key,
      clock: { now: () => new Date(world.nowMs), monotonicMs: () => world.nowMs },
    }));
  return { world, make, open };
}

const active = (world: { rows: StoredSigningKey[] }) => world.rows.find((row) => row.state === "active")?.kid;

Deno.test("the active key signs, and pending and retired ones only verify", async () => {
  const { world, make, open } = await createRing();
  world.rows.push(await make("pending"), await make("retired"));
  const ring = await open();
  await ring.reload();
  assertEquals((await ring.requireSigningKey()).kid, active(world));
  for (const { kid } of world.rows) assertEquals((await ring.findVerifyingKey(kid))?.kid, kid);
});

Deno.test("R-92: the key set holds every key and public members only", async () => {
  const { world, make, open } = await createRing();
  world.rows.push(await make("retired"));
  const ring = await open();
  await ring.reload();
  const { keys } = ring.jwks();
  assertEquals(keys.map(({ kid }) => kid).sort(), world.rows.map(({ kid }) => kid).sort());
  for (const key of keys) assertEquals(Object.keys(key).sort(), ["alg", "crv", "kid", "kty", "use", "x"]);
});

Deno.test("F-35: a wrong secret is one clear error, and never a new key", async () => {
  const { open, world } = await createRing();
  const ring = await open(await deriveAesKey("another secret, and long enough too", "test"));
  await assertRejects(() => ring.reload(), WrongKeyEncryptionSecret, "KEY_ENCRYPTION_SECRET");
  assertEquals(world.rows.length, 1);
  await assertRejects(() => ring.requireSigningKey());
});

Deno.test("a row whose public half was swapped is noticed", async () => {
  const { world, make, open } = await createRing();
  const [row] = world.rows;
  const other = await make("retired");
  if (row) world.rows = [{ ...row, publicJwk: other.publicJwk }];
  const ring = await open();
  await assertRejects(() => ring.reload(), Error, "altered");
});

Deno.test("a row whose private half was swapped or changed does not sign", async () => {
  const { world, make, open } = await createRing();
  const [row] = world.rows;
  const other = await make("retired");
  const flipped = new Uint8Array(row?.privateEncrypted ?? []);
  flipped[20] = (flipped[20] ?? 0) ^ 1;
  for (const privateEncrypted of [other.privateEncrypted, flipped, new Uint8Array(), new Uint8Array(12)]) {
    if (row) world.rows = [{ ...row, privateEncrypted }];
    const ring = await open();
    await assertRejects(() => ring.reload(), WrongKeyEncryptionSecret);
  }
});

Deno.test("without an active key nothing is signed", async () => {
  const { world, make, open } = await createRing();
  world.rows = [await make("retired")];
  const ring = await open();
  await assertRejects(() => ring.reload());
  await assertRejects(() => ring.requireSigningKey());
});

Deno.test("R-90: a rotation reaches signing after a minute at most, and the old key still verifies", async () => {
  const { world, make, open } = await createRing();
  const ring = await open();
  await ring.reload();
  const old = (await ring.requireSigningKey()).kid;
  world.rows = [...world.rows.map((row) => ({ ...row, state: "retired" as const })), await make("active")];
  world.nowMs = 61_000;
  assertEquals((await ring.requireSigningKey()).kid, active(world));
  assertEquals((await ring.findVerifyingKey(old))?.kid, old);
});

Deno.test("R-90: a key that was dropped is held no longer after the next reading", async () => {
  const { world, make, open } = await createRing();
  const ring = await open();
  await ring.reload();
  const old = await ring.requireSigningKey();
  const held = await ring.findVerifyingKey(old.kid);
  world.rows = [await make("active")];
  await ring.reload();
  assert(held !== null && !ring.holds(held));
});

Deno.test("A-011: 10,000 unknown kids cost one reading, and another only ten seconds later", async () => {
  const { world, open } = await createRing();
  const ring = await open();
  await ring.reload();
  world.nowMs = 20_000;
  const found = await Promise.all(
    Array.from({ length: 10_000 }, (_, i) => ring.findVerifyingKey(`kid ${i}`)),
  );
  assertEquals([found.filter(Boolean).length, world.reads], [0, 2]);
  world.nowMs = 29_000;
  await ring.findVerifyingKey("another");
  assertEquals(world.reads, 2);
  world.nowMs = 31_000;
  await ring.findVerifyingKey("another");
  assertEquals(world.reads, 3);
});

Deno.test("A-011: a kid that appeared since is found by that one reading", async () => {
  const { world, make, open } = await createRing();
  const ring = await open();
  await ring.reload();
  const late = await make("pending");
  world.rows.push(late);
  world.nowMs = 20_000;
  assertEquals((await ring.findVerifyingKey(late.kid))?.kid, late.kid);
});

Deno.test("F-35: while the keys are out of reach known ones still verify, and an unknown kid is an error, not a no", async () => {
  const { world, open } = await createRing();
  const ring = await open();
  await ring.reload();
  const { kid } = await ring.requireSigningKey();
  world.isAway = true;
  world.nowMs = 20_000;
  assertEquals((await ring.findVerifyingKey(kid))?.kid, kid);
  await assertRejects(() => ring.findVerifyingKey("unknown"));
  await assertRejects(() => ring.findVerifyingKey("unknown"));
});
