import { assert, assertEquals, assertMatch } from "@std/assert";
import { registerUser, startTestApp } from "../kit/app.ts";
import { decodeToken } from "../kit/jwt.ts";

Deno.test("R-86: health says one word and nothing else", async () => {
  await using app = await startTestApp();
  for (const path of ["/health/live", "/health/ready"]) {
    const { status, text, headers } = await app.call(path);
    assertEquals([path, status, text], [path, 200, '{"status":"ok"}']);
    assertEquals(headers.get("cache-control"), "no-store");
  }
});

Deno.test("R-104: a service that drains is alive, not ready, and still answers", async () => {
  await using app = await startTestApp();
  const { tokens } = await registerUser(app);
  app.auth.drain();
  const { status, text } = await app.call("/health/ready");
  assertEquals([status, Object.keys(JSON.parse(text))], [503, ["status"]]);
  assertEquals((await app.call("/health/live")).status, 200);
  assertEquals((await app.call("auth.me", { bearer: tokens.accessToken })).status, 200);
});

Deno.test("a service that lost its database is alive, not ready, and says 503 and never 401", async () => {
  await using app = await startTestApp();
  const { tokens } = await registerUser(app);
  await app.auth.close();
  assertEquals((await app.call("/health/live")).status, 200);
  assertEquals((await app.call("/health/ready")).status, 503);
  const calls = [
    () => app.call("auth.me", { bearer: tokens.accessToken }),
    () => app.call("auth.refresh", { body: { refreshToken: tokens.refreshToken } }),
    () => app.call("auth.login", { body: { identifier: "ada", password: "correct horse battery" } }),
    () => app.call("auth.logout", { body: {}, bearer: tokens.accessToken }),
  ];
  for (const call of calls) {
    const { status, auth, headers } = await call();
    assertEquals([status, auth?.reason], [503, "UNAVAILABLE"]);
    assertMatch(headers.get("retry-after") ?? "", /^[1-9]\d*$/);
  }
});

Deno.test("R-92: the key set holds public members only, and may be cached for five minutes", async () => {
  await using app = await startTestApp();
  const { status, headers, text } = await app.call("/.well-known/jwks.json");
  assertEquals(status, 200);
  assertEquals(headers.get("cache-control"), "public, max-age=300");
  assertMatch(headers.get("content-type") ?? "", /^application\/(?:jwk-set\+)?json/);
  const { keys } = JSON.parse(text);
  assert(keys.length >= 1);
  for (const key of keys) {
    assertEquals(Object.keys(key).sort(), ["alg", "crv", "kid", "kty", "use", "x"]);
    assertEquals([key.kty, key.crv, key.alg, key.use], ["OKP", "Ed25519", "Ed25519", "sig"]);
  }
  assertEquals(new Set(keys.map(({ kid }: { kid: string }) => kid)).size, keys.length);
});

Deno.test("anyone can verify an access token with the published key alone", async () => {
  await using app = await startTestApp();
  const { tokens } = await registerUser(app);
  const [head = "", body = "", signature = ""] = tokens.accessToken.split(".");
  const { keys } = JSON.parse((await app.call("/.well-known/jwks.json")).text);
  const { kid } = decodeToken(tokens.accessToken).header;
  const jwk = keys.find((key: { kid: string }) => key.kid === kid);
  const { kty, crv, x } = jwk;
  const key = await crypto.subtle.importKey("jwk", { kty, crv, x }, "Ed25519", false, ["verify"]);
  const bytes = Uint8Array.from(
    atob(signature.replaceAll("-", "+").replaceAll("_", "/")),
    (c) => c.charCodeAt(0),
  );
  assert(await crypto.subtle.verify("Ed25519", key, bytes, new TextEncoder().encode(`${head}.${body}`)));
});

Deno.test("an access token has exactly the header and the claims of the contract", async () => {
  await using app = await startTestApp();
  const { user, tokens } = await registerUser(app);
  await app.database.sql`update users set roles = '{editor}'`;
  const { data } = await app.call("auth.refresh", { body: { refreshToken: tokens.refreshToken } });
  const { header, claims } = decodeToken(data.accessToken);
  assertEquals(Object.keys(header).sort(), ["alg", "kid", "typ"]);
  assertEquals([header["alg"], header["typ"]], ["Ed25519", "at+jwt"]);
  const { iat, exp, jti, auth_time, ...fixed } = claims;
  assertEquals(fixed, {
    iss: "http://watchword.test",
    aud: "watchword",
    client_id: "watchword",
    sub: user.id,
    sid: tokens.sessionId,
    ep: 0,
    amr: ["pwd"],
    roles: ["editor"],
  });
  assert([iat, exp, auth_time].every(Number.isInteger));
  assert(Number(auth_time) <= Number(iat) && Number(iat) < Number(exp));
  assertEquals(typeof jti, "string");
  assertMatch(tokens.refreshToken, /^[A-Za-z0-9_-]{92}$/);
});

Deno.test("client_id and audience are settings, and client_id follows the audience", async () => {
  await using app = await startTestApp({ audience: "shop" });
  const other = await app.startInstance({ clientId: "shop-web" });
  const first = decodeToken((await registerUser(app)).tokens.accessToken).claims;
  const second = decodeToken((await registerUser(other)).tokens.accessToken).claims;
  assertEquals([first["aud"], first["client_id"]], ["shop", "shop"]);
  assertEquals([second["aud"], second["client_id"]], ["shop", "shop-web"]);
});

Deno.test("R-37: a token for another audience or of another issuer is TOKEN_INVALID", async () => {
  await using app = await startTestApp();
  const elsewhere = await app.startInstance({ audience: "elsewhere" });
  const stranger = await app.startInstance({ issuer: "http://other.test" });
  for (const instance of [elsewhere, stranger]) {
    const { tokens } = await registerUser(instance);
    assertEquals((await app.call("auth.me", { bearer: tokens.accessToken })).auth?.reason, "TOKEN_INVALID");
  }
});
