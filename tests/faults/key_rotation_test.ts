import { assert, assertEquals, assertRejects } from "@std/assert";
import { createAuth, createLog, WrongKeyEncryptionSecret } from "@watchword/server";
import { KEY_PENDING_SECONDS } from "../../server/create_auth.ts";
import { registerUser, startTestApp, type TestApp, testSecret } from "../kit/app.ts";
import { createTestDatabase, type TestDatabase } from "../kit/database.ts";
import { decodeToken } from "../kit/jwt.ts";
import { refresh } from "../kit/sessions.ts";
import { createProbeRouter, describe, tally } from "./probe_app.ts";

const ROTATION_SECONDS = 3_600;
const TTL_SECONDS = 600;
/** `max-age` of the JWKS. */
const JWKS_CACHE_SECONDS = 300;
const STEP_SECONDS = 60;

const kidOf = (token: string) => String(decodeToken(token).header["kid"]);

async function readKeys({ sql }: TestDatabase): Promise<{ kid: string; state: string }[]> {
  return [
    ...await sql<{ kid: string; state: string }[]>`select kid, state from signing_keys order by created_at`,
  ];
}

async function readJwks(app: TestApp): Promise<string[]> {
  const answer = await app.call("/.well-known/jwks.json");
  return JSON.parse(answer.text).keys.map((key: { kid: string }) => key.kid);
}

interface Issued {
  token: string;
  expiresAtSeconds: number;
}

Deno.test("F-33: over two rotations no valid token is refused by any instance, and no key signs before every cache has it", async () => {
  await using first = await startTestApp({
    router: createProbeRouter(),
    signingKeyRotationSeconds: ROTATION_SECONDS,
    accessTokenTtlSeconds: TTL_SECONDS,
  });
  // The second one lags: its upkeep never runs, so only a token that it does not know makes it read the keys.
  const lagging = await first.startInstance();
  const third = await first.startInstance();
  const all = [first, lagging, third];
  const { tokens } = await registerUser(first);
  let { refreshToken } = tokens;
  let issued: Issued[] = [];
  const publishedAt = new Map((await readJwks(first)).map((kid) => [kid, -Infinity]));
  const signedBy = new Set<string>();
  const lastUseOf = new Map<string, number>();
  const refused: Record<string, number> = {};

  for (let now = 0; now < 2 * ROTATION_SECONDS + KEY_PENDING_SECONDS; now += STEP_SECONDS) {
    await first.advance(STEP_SECONDS);
    if (now % (2 * STEP_SECONDS) === 0) { for (const app of [first, third]) await app.auth.runUpkeep(); }
    for (const kid of await readJwks(first)) if (!publishedAt.has(kid)) publishedAt.set(kid, now);

    const signer = all[(now / STEP_SECONDS) % all.length] ?? first;
    const { data } = await refresh(signer, refreshToken);
    ({ refreshToken } = data);
    issued.push({ token: data.accessToken, expiresAtSeconds: now + data.expiresInSeconds });
    const kid = kidOf(data.accessToken);
    lastUseOf.set(kid, now);
    if (!signedBy.has(kid)) {
      signedBy.add(kid);
      const ageSeconds = now - (publishedAt.get(kid) ?? now);
      assert(ageSeconds >= JWKS_CACHE_SECONDS, `${kid} signed ${ageSeconds} s after it was published`);
    }

    issued = issued.filter(({ expiresAtSeconds }) => expiresAtSeconds > now + STEP_SECONDS);
    const calls = all.flatMap((app) => issued.map(({ token }) => app.call("readReplica", { bearer: token })));
    for (const [said, count] of Object.entries(tally(await Promise.all(calls)))) {
      if (said !== "200") refused[said] = (refused[said] ?? 0) + count;
    }
  }
  assertEquals(refused, {});
  assert(signedBy.size >= 3, `only ${signedBy.size} keys have signed`);

  // INV-11: what no living token was signed with is gone, and what one was signed with is not.
  const kids = (await readKeys(first.database)).map(({ kid }) => kid);
  assert(kids.length <= 3, `${kids.length} keys are kept`);
  for (const { token } of issued) assert(kids.includes(kidOf(token)));
});

Deno.test("F-33: an instance whose keys are old accepts a new key's token after one reading, and signs with no key that was dropped", async () => {
  await using app = await startTestApp({
    router: createProbeRouter(),
    signingKeyRotationSeconds: ROTATION_SECONDS,
  });
  const lagging = await app.startInstance();
  const { tokens } = await registerUser(lagging);
  const oldKid = kidOf(tokens.accessToken);
  for (let turns = 0; turns < 3; turns++) {
    await app.advance(ROTATION_SECONDS);
    await app.auth.runUpkeep();
  }
  assert(!(await readKeys(app.database)).some(({ kid }) => kid === oldKid), "the old key was not dropped");
  assertEquals(await readJwks(lagging), [oldKid]);

  const { data } = await refresh(app, tokens.refreshToken);
  assertEquals((await lagging.call("read", { bearer: data.accessToken })).status, 200);
  assertEquals(describe(await lagging.call("read", { bearer: tokens.accessToken })), "401 TOKEN_INVALID");
  const again = await refresh(lagging, data.refreshToken);
  assertEquals((await app.call("read", { bearer: again.data.accessToken })).status, 200);
});

Deno.test("F-33: an instance that only signs reads its keys again before it does", async () => {
  await using app = await startTestApp({
    router: createProbeRouter(),
    signingKeyRotationSeconds: ROTATION_SECONDS,
  });
  const lagging = await app.startInstance();
  const { tokens } = await registerUser(lagging);
  for (let turns = 0; turns < 3; turns++) {
    await app.advance(ROTATION_SECONDS);
    await app.auth.runUpkeep();
  }
  const { data } = await refresh(lagging, tokens.refreshToken);
  assertEquals((await app.call("read", { bearer: data.accessToken })).status, 200);
});

Deno.test("F-35: another KEY_ENCRYPTION_SECRET ends the start with a clear error, and makes no key", async () => {
  await using app = await startTestApp();
  const before = await readKeys(app.database);
  const error = await assertRejects(
    () =>
      createAuth({
        databaseUrl: app.database.url,
        issuer: "http://watchword.test",
        keyEncryptionSecret: "another-secret-another-secret-another",
        log: createLog("error", () => {}),
      }),
    WrongKeyEncryptionSecret,
  );
  assert(error.message.includes("KEY_ENCRYPTION_SECRET"));
  assert(!error.message.includes("another-secret"));
  assertEquals(await readKeys(app.database), before);
});

Deno.test("ten instances that start on an empty database at once make one key", async () => {
  await using database = await createTestDatabase();
  const starting = Array.from({ length: 10 }, () =>
    createAuth({
      databaseUrl: database.url,
      issuer: "http://watchword.test",
      keyEncryptionSecret: testSecret,
      log: createLog("error", () => {}),
    }));
  const started = await Promise.all(starting);
  assertEquals((await readKeys(database)).map(({ state }) => state), ["active"]);
  for (const auth of started) await auth.close();
});

Deno.test("upkeep on ten instances at once publishes one key, and lets one sign", async () => {
  await using app = await startTestApp({ signingKeyRotationSeconds: ROTATION_SECONDS });
  const all = [app, ...await Promise.all(Array.from({ length: 9 }, () => app.startInstance()))];
  const states = async () => (await readKeys(app.database)).map(({ state }) => state).sort();
  await app.advance(ROTATION_SECONDS);
  await Promise.all(all.map(({ auth }) => auth.runUpkeep()));
  assertEquals(await states(), ["active", "pending"]);
  await app.advance(KEY_PENDING_SECONDS);
  await Promise.all(all.map(({ auth }) => auth.runUpkeep()));
  assertEquals(await states(), ["active", "retired"]);
});
