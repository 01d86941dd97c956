import { assertEquals } from "@std/assert";
import { countRows } from "../kit/database_snapshot.ts";
import { startTestApp, type TestApp } from "../kit/app.ts";

async function registerWith(app: TestApp, password: string, identifiers: Record<string, string> = {}) {
  const username = `u${crypto.randomUUID().slice(0, 8)}`;
  const { status, auth } = await app.call("auth.register", { body: { username, ...identifiers, password } });
  return auth ? `${status} ${auth.reason} ${auth.executed}` : String(status);
}

const login = (app: TestApp, identifier: string, password: string) =>
  app.call("auth.login", { body: { identifier, password } });

Deno.test("R-01: seven code points are too short and eight are enough", async () => {
  await using app = await startTestApp();
  assertEquals(await registerWith(app, "kq7-zwu"), "400 PASSWORD_TOO_SHORT false");
  assertEquals(await registerWith(app, "kq7-zwux"), "200");
  assertEquals(await countRows(app.database, "users"), 1);
});

Deno.test("R-01: length is counted in code points, so eight emoji do and seven do not", async () => {
  await using app = await startTestApp();
  assertEquals(await registerWith(app, "🐎🔋📎🐎🔋📎🐎🔋"), "200");
  assertEquals(await registerWith(app, "🐎🔋📎🐎🔋📎🐎"), "400 PASSWORD_TOO_SHORT false");
});

Deno.test("R-01: a letter typed as two code points counts once", async () => {
  await using app = await startTestApp();
  assertEquals(await registerWith(app, "e\u0301".repeat(7)), "400 PASSWORD_TOO_SHORT false");
});

Deno.test("R-01: the least length is a setting", async () => {
  await using app = await startTestApp({ passwordMinLength: 15 });
  assertEquals(await registerWith(app, "kq7-zwux-31-pq"), "400 PASSWORD_TOO_SHORT false");
  assertEquals(await registerWith(app, "kq7-zwux-31-pqr"), "200");
});

Deno.test("R-02: 64, 200 and 256 code points are accepted, 257 are refused", async () => {
  await using app = await startTestApp();
  for (const length of [64, 200, 256]) {
    assertEquals([length, await registerWith(app, "kz".repeat(length / 2))], [length, "200"]);
  }
  assertEquals(await registerWith(app, "k".repeat(257)), "400 PASSWORD_TOO_LONG false");
});

Deno.test("R-02: more than 1,024 bytes are refused, however few code points they are", async () => {
  await using app = await startTestApp();
  assertEquals(await registerWith(app, "🐎".repeat(256)), "200");
  assertEquals(await registerWith(app, "🐎".repeat(257)), "400 PASSWORD_TOO_LONG false");
  assertEquals(await registerWith(app, "k".repeat(15_000)), "400 PASSWORD_TOO_LONG false");
});

Deno.test("R-02: two passwords of 200 code points that differ in the last one are two passwords", async () => {
  await using app = await startTestApp();
  const long = "kz".repeat(100);
  await registerWith(app, long, { username: "ada" });
  assertEquals((await login(app, "ada", long.slice(0, -1) + "y")).status, 401);
  assertEquals((await login(app, "ada", long.slice(0, -1))).status, 401);
  assertEquals((await login(app, "ada", long)).status, 200);
});

Deno.test("R-03: a password is verified as a whole: no trimming, no folding of case, nothing cut at a NUL", async () => {
  await using app = await startTestApp();
  const exact = " Battery\0Staple ";
  assertEquals(await registerWith(app, exact, { username: "ada" }), "200");
  for (const near of [exact.trim(), exact.toLowerCase(), " Battery", " Battery\0Stapl ", `${exact} `]) {
    assertEquals([near, (await login(app, "ada", near)).status], [near, 401]);
  }
  assertEquals((await login(app, "ada", exact)).status, 200);
});

Deno.test("R-03: a letter typed as one code point or as two is the same password", async () => {
  await using app = await startTestApp();
  await registerWith(app, "caf\u00e9 au lait", { username: "ada" });
  assertEquals((await login(app, "ada", "cafe\u0301 au lait")).status, 200);
});

Deno.test("R-03: whoever could register with a password can log in with it, typed the same way", async () => {
  await using app = await startTestApp();
  const typed = "e\u0301".repeat(200);
  assertEquals(await registerWith(app, typed, { username: "ada" }), "200");
  assertEquals((await login(app, "ada", typed)).status, 200);
});

Deno.test("R-04: no composition rules: lower case alone, spaces and digits-free phrases are fine", async () => {
  await using app = await startTestApp();
  for (const plain of ["wandering hedgehogs", "zyxwvutsq", "        ab", "ÄÖÜäöüßẞ"]) {
    assertEquals([plain, await registerWith(app, plain)], [plain, "200"]);
  }
});

Deno.test("R-05: the most used passwords are refused in any case", async () => {
  await using app = await startTestApp();
  const common = [
    "password",
    "12345678",
    "iloveyou",
    "sunshine",
    "PRINCESS",
    "Football",
    "password1",
    "qwertyuiop",
  ];
  for (const password of common) {
    assertEquals([password, await registerWith(app, password)], [password, "400 PASSWORD_COMMON false"]);
  }
  assertEquals(await countRows(app.database, "users"), 0);
});

Deno.test("R-06: a password made of the account's own identifier or the product's name is refused", async () => {
  await using app = await startTestApp();
  const email = "augusta.ada99@example.com";
  const personal = [
    [email, { email }],
    ["AUGUSTA.ADA99@EXAMPLE.COM", { email }],
    ["augusta.ada99", { email }],
    ["zwenkauerin", { username: "zwenkauerin" }],
    ["Zwenkauerin2024!", { username: "zwenkauerin" }],
    ["watchword", {}],
    ["Watchword123", {}],
    ["2024watchword!", {}],
  ] as const;
  for (const [password, identifiers] of personal) {
    const answer = await registerWith(app, password, identifiers);
    assertEquals([password, answer], [password, "400 PASSWORD_PERSONAL false"]);
  }
});

Deno.test("R-06: an identifier that ends in digits gives no password by another ending", async () => {
  await using app = await startTestApp();
  const personal = [
    ["augusta.ada99!!", { email: "augusta.ada99@example.com" }],
    ["zwenkauerin1815?", { username: "zwenkauerin1815" }],
  ] as const;
  for (const [password, identifiers] of personal) {
    const answer = await registerWith(app, password, identifiers);
    assertEquals([password, answer], [password, "400 PASSWORD_PERSONAL false"]);
  }
});

Deno.test("a refused password does not tell whether the identifier is taken", async () => {
  await using app = await startTestApp();
  await registerWith(app, "wandering hedgehogs", { username: "ada" });
  assertEquals(await registerWith(app, "short", { username: "ada" }), "400 PASSWORD_TOO_SHORT false");
});
