import { assertEquals, assertNotEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { systemClock } from "../clock.ts";
import { createAccessTokens } from "./access_token.ts";
import { deriveAesKey } from "./derive_key.ts";
import { createKeyRing } from "./key_ring.ts";
import { createOwnClaimsCodec } from "./own_claims.ts";
import { generateSigningKey, openPrivateKey, type StoredSigningKey } from "./signing_key.ts";

const parties = { issuer: "http://watchword.test", audience: "watchword", clientId: "watchword" };
const now = new Date("2026-01-01T00:00:00Z");
const nowSeconds = now.getTime() / 1_000;
const at = (seconds: number) => new Date(now.getTime() + seconds * 1_000);

const claims = {
  iss: parties.issuer,
  aud: parties.audience,
  client_id: parties.clientId,
  sub: "01890a5d-ac96-774b-bcce-b302099a8057",
  sid: "01890a5d-ac96-774b-bcce-b302099a8058",
  ep: 0,
  iat: nowSeconds,
  exp: nowSeconds + 600,
  jti: "1",
  auth_time: nowSeconds,
  amr: ["pwd"],
  roles: [],
};

const encode = (text: string) => Buffer.from(text).toString("base64url");

/** Tokens over one real key, and what a holder of that key could sign. */
async function createForge() {
  const encryptionKey = await deriveAesKey("test-secret-test-secret-test-secret", "test");
  const stored: StoredSigningKey = { ...await generateSigningKey(encryptionKey), state: "active" };
  let rows = [stored];
  const keyRing = createKeyRing({ read: () => Promise.resolve(rows), encryptionKey, clock: systemClock });
  await keyRing.reload();
  const tokens = createAccessTokens({ keyRing, parties, ownClaims: createOwnClaimsCodec(undefined) });
  const key = await openPrivateKey(encryptionKey, stored) as CryptoKey;
  const rightHeader = { alg: "Ed25519", typ: "at+jwt", kid: stored.kid };

  async function sign(payload: string, header: string = JSON.stringify(rightHeader)): Promise<string> {
    const input = `${encode(header)}.${encode(payload)}`;
    const signature = await crypto.subtle.sign("Ed25519", key, new TextEncoder().encode(input));
    return `${input}.${Buffer.from(signature).toString("base64url")}`;
  }

  return {
    stored,
    rightHeader,
    sign,
    signClaims: (changes: Record<string, unknown>) => sign(JSON.stringify({ ...claims, ...changes })),
    verify: async (token: string, when = now) => (await tokens.verify(token, when)).status,
    mint: () => tokens.sign(claims),
    async dropKeys() {
      const other = { ...await generateSigningKey(encryptionKey), state: "active" as const };
      rows = [other];
      await keyRing.reload();
    },
  };
}

Deno.test("a token that was signed here is valid, then expired, and never anything else", async () => {
  const { mint, verify } = await createForge();
  const token = await mint();
  assertEquals(
    [
      await verify(token),
      await verify(token, at(604)),
      await verify(token, at(606)),
      await verify(token, at(1e6)),
    ],
    ["valid", "valid", "expired", "expired"],
  );
});

Deno.test("a token dated more than five seconds ahead is invalid until its time has come", async () => {
  const { signClaims, verify } = await createForge();
  const token = await signClaims({ iat: nowSeconds + 60 });
  assertEquals([await verify(token), await verify(token, at(56))], ["invalid", "valid"]);
});

Deno.test("a token that was found valid once is judged anew each time: by its end and by its key", async () => {
  const { mint, verify, dropKeys } = await createForge();
  const token = await mint();
  assertEquals([await verify(token), await verify(token, at(700))], ["valid", "expired"]);
  await dropKeys();
  assertEquals(await verify(token), "invalid");
});

Deno.test("A-013, A-014, A-015: a token has exactly one spelling, though jose reads several", async () => {
  const { mint, verify } = await createForge();
  const token = await mint();
  const [head = "", body = "", signature = ""] = token.split(".");
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const spareBits = [1, 2, 3, 4, 8].map((bit) =>
    token.slice(0, -1) + alphabet.charAt(alphabet.indexOf(token.slice(-1)) ^ bit)
  );
  const spellings = [
    `${token}=`,
    `${token}==`,
    `${head}=.${body}.${signature}`,
    `${head}.${body}=.${signature}`,
    ` ${token}`,
    `${token} `,
    `${token}\n`,
    `${token}\t`,
    `${head}.${body}. ${signature}`,
    `${head}.${body}.${signature.slice(0, 40)} ${signature.slice(40)}`,
    `${head}.${body}.${signature.slice(0, 40)}\n${signature.slice(40)}`,
    `${token}\0`,
    ...spareBits,
  ];
  for (const spelling of spellings) assertEquals([spelling, await verify(spelling)], [spelling, "invalid"]);
  assertEquals(await verify(token), "valid");
});

Deno.test("A-021: times that are missing, of another type or out of range are invalid, though the key is right", async () => {
  const { sign, signClaims, verify } = await createForge();
  const texts = [
    "1e400",
    "-1e400",
    "1e20",
    "0",
    "-1",
    "1.5",
    '"9999999999"',
    "null",
    "true",
    "[9999999999]",
    "{}",
  ];
  for (const name of ["exp", "iat", "auth_time"]) {
    for (const text of texts) {
      const payload = JSON.stringify({ ...claims, [name]: "HERE" }).replace('"HERE"', text);
      assertEquals([name, text, await verify(await sign(payload))], [name, text, "invalid"]);
    }
    assertEquals([name, await verify(await signClaims({ [name]: undefined }))], [name, "invalid"]);
  }
  for (const nbf of [nowSeconds + 60, "tomorrow"]) {
    assertEquals(await verify(await signClaims({ nbf })), "invalid");
  }
});

Deno.test("A-020: claims of another type are invalid, though the key is right", async () => {
  const { signClaims, verify } = await createForge();
  const changes: Record<string, unknown>[] = [
    { sub: {} },
    { sub: { toString: claims.sub } },
    { sub: [claims.sub] },
    { sub: "ada" },
    { sub: 1 },
    { sub: undefined },
    { sid: "1" },
    { sid: undefined },
    { ep: "0" },
    { ep: -1 },
    { ep: 0.5 },
    { amr: "pwd" },
    { roles: "admin" },
    { roles: { 0: "admin" } },
    { jti: 1 },
  ];
  for (const change of changes) {
    assertEquals([change, await verify(await signClaims(change))], [change, "invalid"]);
  }
});

Deno.test("A-020: a payload that is no JSON object is invalid, though the key is right", async () => {
  const { sign, verify } = await createForge();
  const deep = `${"[".repeat(1_000)}${"]".repeat(1_000)}`;
  for (const payload of ["", "null", "[]", "1", '"x"', "{", "\ufffe", deep]) {
    assertEquals([payload, await verify(await sign(payload))], [payload, "invalid"]);
  }
});

Deno.test("A-020: a claim called __proto__ pollutes nothing", async () => {
  const { sign, verify } = await createForge();
  const payload = JSON.stringify(claims).replace("{", '{"__proto__":{"polluted":true},');
  await verify(await sign(payload));
  assertEquals("polluted" in {}, false);
});

Deno.test("A-022: issuer and audience are exact: no other, no list, none missing", async () => {
  const { signClaims, verify } = await createForge();
  const changes: Record<string, unknown>[] = [
    { iss: `${parties.issuer}/` },
    { iss: "HTTP://watchword.test" },
    { iss: [parties.issuer] },
    { iss: undefined },
    { aud: "watchword2" },
    { aud: [parties.audience] },
    { aud: [parties.audience, "other"] },
    { aud: undefined },
  ];
  for (const change of changes) {
    assertEquals([change, await verify(await signClaims(change))], [change, "invalid"]);
  }
});

Deno.test("A-001, A-010, A-023: a header is exactly alg, typ and kid with our values, though the key is right", async () => {
  const { sign, rightHeader, verify } = await createForge();
  const payload = JSON.stringify(claims);
  const changes: Record<string, unknown>[] = [
    ...["EdDSA", "ed25519", "none", "None", "HS256", "", null].map((alg) => ({ alg })),
    ...["JWT", "jwt", "AT+JWT", "application/at+jwt", "rt+jwt", "", null, undefined].map((typ) => ({ typ })),
    ...["", "other", "__proto__", "../../dev/null", 1, null, undefined, [rightHeader.kid]].map((kid) => ({
      kid,
    })),
    { crit: ["exp"] },
    { jwk: { kty: "OKP" } },
    { jku: "http://127.0.0.1/jwks" },
    { x5u: "http://127.0.0.1/x" },
    { b64: false },
    { cty: "JWT" },
    { extra: 1 },
  ];
  for (const change of changes) {
    const token = await sign(payload, JSON.stringify({ ...rightHeader, ...change }));
    assertEquals([change, await verify(token)], [change, "invalid"]);
  }
});

Deno.test("A-005: HS256 with the public key as secret, in any form of it, is invalid", async () => {
  const { stored: { kid, publicJwk }, verify } = await createForge();
  const raw = Buffer.from(publicJwk.x, "base64url");
  const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), raw]);
  const pem = `-----BEGIN PUBLIC KEY-----\n${der.toString("base64")}\n-----END PUBLIC KEY-----`;
  const secrets = [raw, der, pem, `${pem}\n`, JSON.stringify(publicJwk), publicJwk.x, "", "\0"];
  for (const secret of secrets) {
    for (const alg of ["HS256", "Ed25519"]) {
      const input = `${encode(JSON.stringify({ alg, typ: "at+jwt", kid }))}.${
        encode(JSON.stringify(claims))
      }`;
      const mac = createHmac("sha256", secret).update(input).digest();
      for (const signature of [mac, Buffer.concat([mac, mac])]) {
        assertEquals(await verify(`${input}.${signature.toString("base64url")}`), "invalid");
      }
    }
  }
});

Deno.test("A-003: changing any one character of a token makes it invalid", async () => {
  const { mint, verify } = await createForge();
  const token = await mint();
  for (let i = 0; i < token.length; i++) {
    const altered = token.slice(0, i) + (token[i] === "A" ? "B" : "A") + token.slice(i + 1);
    assertEquals([i, await verify(altered)], [i, "invalid"]);
  }
});

Deno.test("A-019: a token longer than 4,096 characters is not even looked at", async () => {
  const { signClaims, verify } = await createForge();
  assertEquals(await verify(await signClaims({ padding: "x".repeat(4_000) })), "invalid");
  assertEquals(await verify("a".repeat(1_000_000)), "invalid");
});

Deno.test("two tokens for the same claims differ, by their jti", async () => {
  const { mint } = await createForge();
  assertNotEquals(await mint(), await mint());
});
