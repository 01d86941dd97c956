import { assert, assertEquals } from "@std/assert";
import { splitToken } from "./forge.ts";
import { attack, meOf, type Scene } from "./kit.ts";
import { sendRaw } from "./raw_http.ts";
import { signIn } from "./sign_in.ts";

const path = "/.well-known/jwks.json";

attack("A-029: the JWKS holds public members only", async ({ app, forge }) => {
  const answer = await app.call(path);
  assertEquals(answer.status, 200);
  const { keys, ...rest } = JSON.parse(answer.text);
  assertEquals(rest, {});
  assert(keys.length >= 1);
  for (const key of keys) {
    assertEquals(Object.keys(key).sort(), ["alg", "crv", "kid", "kty", "use", "x"]);
    assertEquals([key.alg, key.crv, key.kty, key.use], ["Ed25519", "Ed25519", "OKP", "sig"]);
  }
  const kids = keys.map((key: { kid: string }) => key.kid);
  assertEquals(new Set(kids).size, kids.length);
  assert(kids.includes(forge.kid));
  assert(!answer.text.includes(forge.seed.toBase64({ alphabet: "base64url", omitPadding: true })));
});

attack("A-029: the JWKS may be cached for five minutes and is plain JSON", async ({ app }) => {
  for (const query of ["", "?callback=evil", "?jsonp=evil", "?kid=../../etc/passwd"]) {
    const answer = await app.call(`${path}${query}`);
    assertEquals(answer.status, 200);
    assertEquals(answer.headers.get("cache-control"), "public, max-age=300");
    assertEquals(answer.headers.get("content-type")?.split(";")[0], "application/json");
    assertEquals(answer.headers.get("x-content-type-options"), "nosniff");
    assert(answer.text.startsWith('{"keys":['));
  }
});

attack("A-029: the JWKS is read and never written", async ({ app, refuses }) => {
  const methods = ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"];
  await refuses(
    Object.fromEntries(
      methods.map((method) => [method, () => sendRaw(app.origin, { method, target: path })] as const),
    ),
    { reason: "METHOD_NOT_ALLOWED" },
  );
  const head = await app.call(path, { method: "HEAD" });
  assertEquals([head.status, head.text], [405, ""]);
  const trace = await sendRaw(app.origin, { method: "TRACE", target: path, headers: [["X-Echo", "echoed"]] });
  assert([400, 405].includes(trace.status) && !trace.text.includes("echoed"));
});

attack("A-029: no other spelling of the path leads to it, or to anything", async ({ app, refuses }) => {
  const targets = [
    `/${path}`,
    `${path}/`,
    `${path}%00`,
    `${path};x=1`,
    path.toUpperCase(),
    "/.well-known/jwks",
    "/.well-known/..%2fjwks.json",
    "/.well-known/%2e%2e/jwks.json",
    "/.well-known/x/../jwks.json",
    "/./.well-known/jwks.json",
    "/.well-known%2fjwks.json",
    "/%2ewell-known/jwks.json",
    "/.well-known\\jwks.json",
    "/trpc/..%2f.well-known%2fjwks.json",
    "/trpc/../.well-known/jwks.json",
    "/.well-known/",
    "/.well-known/openid-configuration",
    "/jwks.json",
    "/../../etc/passwd",
  ];
  await refuses(
    Object.fromEntries(targets.map((target) => [target, () => sendRaw(app.origin, { target })] as const)),
    { reason: "NOT_FOUND" },
  );
});

const ROTATION_SECONDS = 3_600;

async function readKids({ app }: Scene): Promise<{ kids: string[]; maxAgeSeconds: number }> {
  const { text, headers } = await app.call(path);
  const maxAge = /max-age=(\d+)/.exec(headers.get("cache-control") ?? "")?.[1];
  return {
    kids: JSON.parse(text).keys.map((key: { kid: string }) => key.kid),
    maxAgeSeconds: Number(maxAge),
  };
}

const kidOf = (token: string) => splitToken(token).headerFields["kid"];

attack(
  "A-029: whoever caches the JWKS knows a new key before it signs, and an old one for as long as it is used",
  async (scene) => {
    const { app, other, advance, forge, victim } = scene;
    const { sql } = app.database;
    await advance(ROTATION_SECONDS);
    await app.auth.runUpkeep();
    const published = await readKids(scene);
    assertEquals(published.kids.length, 2);
    const [pending] = await sql<{ kid: string; lead: number }[]>`
    select kid, extract(epoch from activate_at - now())::float8 as lead from signing_keys where state = 'pending'`;
    assert((pending?.lead ?? 0) >= published.maxAgeSeconds, `${pending?.lead} s of lead`);
    const before = await signIn(app, "victim");
    assertEquals(kidOf(before.accessToken), forge.kid, "a pending key does not sign");
    const inADay = Number(splitToken(before.accessToken).claims["exp"]) + 86_400;
    const longLived = await forge.variant(before.accessToken, { exp: inADay });
    for (const instance of [app, other]) {
      assertEquals((await instance.call("auth.me", { bearer: longLived })).status, 200);
    }

    await advance(Math.ceil(pending?.lead ?? 0) + 1);
    await app.auth.runUpkeep();
    const after = await signIn(app, "victim");
    assertEquals(kidOf(after.accessToken), pending?.kid);
    // The other instance has not looked at its keys since it started.
    for (const instance of [app, other]) assertEquals((await meOf(instance, { tokens: after })).status, 200);
    const last = await app.call("auth.refresh", { body: { refreshToken: victim.tokens.refreshToken } });
    assertEquals(last.status, 200, "a rotation of keys signs nobody out");
    assert((await readKids(scene)).kids.includes(forge.kid));

    await advance(900);
    for (const instance of [app, other]) await instance.auth.runUpkeep();
    assertEquals((await readKids(scene)).kids, [pending?.kid]);
    const renewed = await signIn(app, "victim");
    const forged = await forge.variant(renewed.accessToken, {});
    await scene.refusesBearers({ "a key that was dropped": forged, "the same, seen before": longLived }, {
      reason: "TOKEN_INVALID",
      keyReloads: 1,
      victimLives: false,
    });
  },
  { signingKeyRotationSeconds: ROTATION_SECONDS },
);
