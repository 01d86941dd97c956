import { assert, assertEquals, assertMatch } from "@std/assert";
import { hashArgon2id } from "./argon2.ts";
import { argon2Parameters, createPasswords } from "./passwords.ts";
import { createPermits } from "./permits.ts";

const weak = { memoryCost: 1_024, timeCost: 1, parallelism: 1 };

Deno.test("R-08: a hash is Argon2id with the parameters of the policy, and its own salt", async () => {
  const passwords = createPasswords();
  const [one, other] = [await passwords.hash("correct horse"), await passwords.hash("correct horse")];
  assertMatch(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  assert(one !== other);
  assert(argon2Parameters.memoryCost >= 19_456 && argon2Parameters.timeCost >= 2);
});

Deno.test("R-03: only the whole password verifies", async () => {
  const passwords = createPasswords();
  const hash = await passwords.hash("correct horse");
  const tries = ["correct horse", "correct hors", "correct horse ", "Correct horse", "correct horse\0", ""];
  const verdicts = [];
  for (const typed of tries) verdicts.push(await passwords.verify(typed, hash));
  assertEquals(verdicts, [true, false, false, false, false, false]);
});

Deno.test("nobody's password is never right", async () => {
  const passwords = createPasswords();
  assertEquals(await passwords.verify("correct horse", null), false);
});

Deno.test("R-79: hashing and checking share the permits", async () => {
  let running = 0;
  let most = 0;
  const permits = createPermits({ permitCount: 2 });
  const passwords = createPasswords({
    run: (job) =>
      permits.run(async () => {
        most = Math.max(most, ++running);
        return await job().finally(() => running--);
      }),
  });
  await Promise.all([
    ...Array.from({ length: 4 }, () => passwords.hash("correct horse")),
    ...Array.from({ length: 4 }, () => passwords.verify("correct horse", null)),
  ]);
  assertEquals([most, running], [2, 0]);
});

Deno.test("R-09: a hash below the policy is outdated, one of the policy is not", async () => {
  const passwords = createPasswords();
  assertEquals(passwords.isOutdated(await hashArgon2id("correct horse", weak)), true);
  assertEquals(passwords.isOutdated(await passwords.hash("correct horse")), false);
  assertEquals(passwords.isOutdated("not a hash"), true);
});

const salt = "c29tZXNhbHRzb21lc2FsdA";
const digest = "A".repeat(43);

// Computing the second would take an hour.
for (
  const parameters of [
    "m=8388608,t=2,p=1",
    "m=19456,t=1000000,p=1",
    "m=4294967296,t=1,p=1",
    "m=19456,t=2,p=255",
    "m=0,t=0,p=0",
    "m=19456,t=0,p=1",
    "m=1,t=2,p=8",
  ]
) {
  Deno.test(`R-10: a stored hash with ${parameters} is refused, not computed and not an error`, async () => {
    const passwords = createPasswords();
    const hash = `$argon2id$v=19$${parameters}$${salt}$${digest}`;
    assertEquals(await passwords.verify("correct horse", hash), false);
  });
}

Deno.test("R-10: a stored text that is no such hash is a wrong password", async () => {
  const passwords = createPasswords();
  const texts = [
    "",
    "correct horse",
    "$2b$31$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234",
    `$argon2i$v=19$m=19456,t=2,p=1$${salt}$${digest}`,
    `$argon2id$v=16$m=19456,t=2,p=1$${salt}$${digest}`,
    `$argon2id$v=19$m=19456,t=2,p=1$${salt}$`,
    `$argon2id$v=19$m=-1,t=2,p=1$${salt}$${digest}`,
    `$argon2id$v=19$m=19456,t=2,p=1$${salt}$${digest}\n`,
  ];
  for (const text of texts) {
    assertEquals([text, await passwords.verify("correct horse", text)], [text, false]);
  }
});
