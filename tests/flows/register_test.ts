import { assert, assertEquals } from "@std/assert";
import { countRows, takeSnapshot } from "../kit/database_snapshot.ts";
import { password, startTestApp, type TestApp } from "../kit/app.ts";

const register = (app: TestApp, body: Record<string, unknown>) => app.call("auth.register", { body });

Deno.test("a registration with a user name signs in and says who it is", async () => {
  await using app = await startTestApp();
  const { status, data } = await register(app, { username: "ada", password });
  assertEquals(status, 200);
  assertEquals(data.status, "signed_in");
  assertEquals(Object.keys(data.user).sort(), [
    "createdAt",
    "email",
    "emailVerified",
    "id",
    "roles",
    "username",
  ]);
  assertEquals(
    { ...data.user, id: "", createdAt: "" },
    { id: "", username: "ada", email: null, emailVerified: false, roles: [], createdAt: "" },
  );
  assertEquals(data.tokens.tokenType, "Bearer");
  assertEquals(data.tokens.generation, 0);
  assertEquals((await app.call("auth.me", { bearer: data.tokens.accessToken })).status, 200);
});

Deno.test("a registration with an e-mail address leaves the address unverified", async () => {
  await using app = await startTestApp();
  const { data } = await register(app, { email: "ada@example.com", password });
  assertEquals([data.user.email, data.user.username, data.user.emailVerified], [
    "ada@example.com",
    null,
    false,
  ]);
});

Deno.test("a registration may bring both identifiers, and either signs in", async () => {
  await using app = await startTestApp();
  await register(app, { email: "ada@example.com", username: "ada", password });
  for (const identifier of ["ada", "ada@example.com"]) {
    assertEquals((await app.call("auth.login", { body: { identifier, password } })).status, 200);
  }
});

Deno.test("a registration without an identifier is refused before anything happens", async () => {
  await using app = await startTestApp();
  const { status, auth } = await register(app, { password });
  assertEquals([status, auth], [400, { reason: "INPUT_INVALID", executed: false }]);
});

Deno.test("R-82: an e-mail address is canonicalised by NFKC and lower case before it is judged and kept", async () => {
  await using app = await startTestApp();
  const { data } = await register(app, { email: "Ａda@Exämple.COM", password });
  assertEquals(data.user.email, "ada@exämple.com");
  const decomposed = "ADA@EXA\u0308MPLE.com";
  assertEquals((await app.call("auth.login", { body: { identifier: decomposed, password } })).status, 200);
});

Deno.test("R-82: a full-width at-sign counts as an at-sign, so an address never has two", async () => {
  await using app = await startTestApp();
  const { status, auth } = await register(app, { email: "ada＠evil.test@example.com", password });
  assertEquals([status, auth?.reason], [400, "INPUT_INVALID"]);
  assertEquals(
    (await register(app, { email: "ada＠example.com", password })).data.user.email,
    "ada@example.com",
  );
});

Deno.test("a user name is lower-cased, and any case of it signs in", async () => {
  await using app = await startTestApp();
  assertEquals(
    (await register(app, { username: "Ada.Lovelace-1_x", password })).data.user.username,
    "ada.lovelace-1_x",
  );
  assertEquals(
    (await app.call("auth.login", { body: { identifier: "ADA.LOVELACE-1_X", password } })).status,
    200,
  );
});

Deno.test("identifiers outside their grammar are refused", async () => {
  await using app = await startTestApp();
  const before = await takeSnapshot(app.database);
  const names = [
    "ab",
    "a".repeat(33),
    "has space",
    "at@sign",
    "ümlaut",
    "semi;colon",
    "nul\0l",
    "new\nline",
    "",
  ];
  const addresses = [
    "no-at",
    "two@@example.com",
    "a@b@c",
    "@example.com",
    "ada@",
    "a da@example.com",
    "ada@exa mple.com",
    `${"a".repeat(250)}@b.de`,
    "ada@example..com",
    "ada@example.com\n",
    "ada\0@example.com",
    "",
  ];
  const bodies = [...names.map((username) => ({ username })), ...addresses.map((email) => ({ email }))];
  for (const body of bodies) {
    const { status, auth } = await register(app, { ...body, password });
    assertEquals([body, status, auth], [body, 400, { reason: "INPUT_INVALID", executed: false }]);
  }
  assertEquals(await takeSnapshot(app.database), before);
});

Deno.test("identifiers at the edges of their grammar are accepted", async () => {
  await using app = await startTestApp();
  const bodies = [
    { username: "abc" },
    { username: "a".repeat(32) },
    { email: `${"a".repeat(249)}@b.de` },
    { email: "o'brien+tag@sub.example.co" },
  ];
  for (const body of bodies) {
    const { status } = await register(app, { ...body, password });
    assertEquals([body, status], [body, 200]);
  }
});

for (
  const [what, first, second] of [
    ["a user name", { username: "ada" }, { username: "ADA" }],
    ["an e-mail address", { email: "ada@example.com" }, { email: "ＡDA@example.com" }],
    ["one of two identifiers", { username: "ada" }, { username: "ada", email: "other@example.com" }],
  ] as const
) {
  Deno.test(`${what} that is taken is 409, whatever its spelling`, async () => {
    await using app = await startTestApp();
    assertEquals((await register(app, { ...first, password })).status, 200);
    const { status, auth } = await register(app, { ...second, password });
    assertEquals([status, auth?.reason], [409, "IDENTIFIER_TAKEN"]);
    assertEquals(await countRows(app.database, "users"), 1);
    assertEquals(await countRows(app.database, "sessions"), 1);
  });
}

Deno.test("A-057: of 20 parallel registrations of one name one succeeds and the others are 409", async () => {
  await using app = await startTestApp();
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => register(app, { username: "ada", email: "ada@example.com", password })),
  );
  assertEquals(answers.filter(({ status }) => status === 200).length, 1);
  const others = answers.filter(({ status }) => status !== 200);
  assertEquals(
    new Set(others.map(({ status, auth }) => `${status} ${auth?.reason}`)),
    new Set(["409 IDENTIFIER_TAKEN"]),
  );
  assertEquals(await countRows(app.database, "users"), 1);
});

Deno.test("registration that is closed says so and adds nobody", async () => {
  await using app = await startTestApp({ registration: "closed" });
  const { status, auth } = await register(app, { username: "ada", password });
  assertEquals([status, auth], [403, { reason: "REGISTRATION_CLOSED", executed: false }]);
  assertEquals(await countRows(app.database, "users"), 0);
});

Deno.test("the 61st registration of a network within ten minutes waits, and says how long", async () => {
  await using app = await startTestApp({ rateLimits: true });
  const statuses: number[] = [];
  for (let i = 0; i < 60; i++) statuses.push((await register(app, { username: "ada", password })).status);
  assertEquals(statuses, [200, ...Array(59).fill(409)]);
  const last = await register(app, { username: "grace", password });
  assertEquals([last.status, last.auth?.reason, last.auth?.executed], [429, "RATE_LIMITED", false]);
  assertEquals(last.headers.get("retry-after"), String(last.auth?.retryAfterSeconds));
  assert(Number(last.headers.get("retry-after")) > 500);
  await app.advance(601);
  assertEquals((await register(app, { username: "grace", password })).status, 200);
});
