import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { hashArgon2id } from "../../server/passwords/argon2.ts";
import { password, registerUser, startTestApp, type TestApp } from "../kit/app.ts";

const login = (app: TestApp, identifier: string) =>
  app.call("auth.login", { body: { identifier, password } });

async function readHash(app: TestApp, userId: string): Promise<string> {
  const [row] = await app.database.sql<
    { hash: string }[]
  >`select password_hash as hash from users where id = ${userId}`;
  return row?.hash ?? "";
}

async function plantHash(app: TestApp, userId: string, hash: string): Promise<void> {
  await app.database.sql`update users set password_hash = ${hash} where id = ${userId}`;
}

Deno.test("R-08: a password is kept as an Argon2id PHC string of at least 19 MiB, two passes, a 16-byte salt", async () => {
  await using app = await startTestApp();
  const [one, other] = [await registerUser(app), await registerUser(app)];
  const phc = await readHash(app, one.user.id);
  const [, memory, passes, salt = "", hash = ""] =
    /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=\d+\$([^$]+)\$([^$]+)$/.exec(phc) ?? [];
  assert(Number(memory) >= 19_456 && Number(passes) >= 2, phc);
  assert(Buffer.from(salt, "base64").length >= 16);
  assert(Buffer.from(hash, "base64").length >= 32);
  assertNotEquals(await readHash(app, other.user.id), phc);
});

Deno.test("R-09: a hash below the present parameters is renewed by the next login", async () => {
  await using app = await startTestApp();
  const { username, user } = await registerUser(app);
  const weak = await hashArgon2id(password, { memoryCost: 8_192, timeCost: 1, parallelism: 1 });
  await plantHash(app, user.id, weak);
  assertEquals((await login(app, username)).status, 200);
  assertMatch(await readHash(app, user.id), /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  assertEquals((await login(app, username)).status, 200);
});

Deno.test("R-09: a hash of the present parameters is left as it is", async () => {
  await using app = await startTestApp();
  const { username, user } = await registerUser(app);
  const before = await readHash(app, user.id);
  await login(app, username);
  assertEquals(await readHash(app, user.id), before);
});

Deno.test("R-09: of 5 parallel logins with a weak hash all succeed, and one new hash remains", async () => {
  await using app = await startTestApp();
  const { username, user } = await registerUser(app);
  await plantHash(
    app,
    user.id,
    await hashArgon2id(password, { memoryCost: 8_192, timeCost: 1, parallelism: 1 }),
  );
  const answers = await Promise.all(Array.from({ length: 5 }, () => login(app, username)));
  assertEquals(answers.map(({ status }) => status), Array(5).fill(200));
  assertMatch(await readHash(app, user.id), /m=19456,t=2,p=1/);
});

const salt = "c29tZXNhbHRzb21lc2FsdA";
const digest = "A".repeat(43);
const hostile = {
  "8 GiB of memory": `$argon2id$v=19$m=8388608,t=2,p=1$${salt}$${digest}`,
  "a million passes": `$argon2id$v=19$m=19456,t=1000000,p=1$${salt}$${digest}`,
  "200 lanes": `$argon2id$v=19$m=19456,t=2,p=200$${salt}$${digest}`,
  "no memory": `$argon2id$v=19$m=0,t=0,p=0$${salt}$${digest}`,
  "another algorithm": `$argon2d$v=19$m=19456,t=2,p=1$${salt}$${digest}`,
  "bcrypt cost 31": "$2b$31$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234",
  "a billion iterations": "$pbkdf2-sha256$i=1000000000$c29tZXNhbHQ$AAAA",
  "no hash at all": "correct horse battery",
  "an empty text": "",
};

for (const [what, hash] of Object.entries(hostile)) {
  Deno.test(`R-10: a stored hash of ${what} is a wrong password at once, not work and not a crash`, async () => {
    await using app = await startTestApp();
    const { username, user } = await registerUser(app);
    await plantHash(app, user.id, hash);
    const { status, auth } = await login(app, username);
    assertEquals([status, auth?.reason], [401, "INVALID_CREDENTIALS"]);
    assertEquals(await readHash(app, user.id), hash);
    assertEquals((await app.call("/health/ready")).status, 200);
  });
}
