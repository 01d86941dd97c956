import { assert } from "@std/assert";
import { b64u, joinParts, splitToken } from "./forge.ts";
import { attack, type Refusal, type Send } from "./kit.ts";
import { sendRaw } from "./raw_http.ts";

/** Asks `auth.me` with an `Authorization` header as it stands. */
function meWith(origin: string, authorization: string, more: [string, string][] = []) {
  return sendRaw(origin, { target: "/trpc/auth.me", headers: [["Authorization", authorization], ...more] });
}

const refusedByHttpOrUs: Refusal = { status: [400, 401], reason: ["TOKEN_INVALID", "TOKEN_MISSING"] };

attack("A-013: a token with white space in it is refused", async ({ app, victim, refuses }) => {
  const { header: h, payload: p, signature: s } = splitToken(victim.tokens.accessToken);
  const token = victim.tokens.accessToken;
  const variants: Record<string, Send> = {};
  for (
    const [name, space] of Object.entries({
      space: " ",
      tab: "\t",
      "no-break space": "\u00a0",
      NEL: "\u0085",
    })
  ) {
    const broken = [
      `${h}${space}.${p}.${s}`,
      `${h}.${space}${p}.${s}`,
      `${h}.${p}${space}.${s}`,
      `${h}.${p}.${space}${s}`,
      `${h}.${p}.${s.slice(0, 40)}${space}${s.slice(40)}`,
      `${h.slice(0, 9)}${space}${h.slice(9)}.${p}.${s}`,
      `${token}${space}x`,
    ];
    broken.forEach((text, i) => variants[`${name} ${i}`] = () => meWith(app.origin, `Bearer ${text}`));
  }
  for (const control of ["\n", "\r", "\r\n", "\r\n ", "\0", "\v", "\f", "\x7f"]) {
    const name = JSON.stringify(control);
    variants[`${name} inside`] = () =>
      meWith(app.origin, `Bearer ${h}.${p}.${s.slice(0, 40)}${control}${s.slice(40)}`);
    variants[`${name} after it`] = () => meWith(app.origin, `Bearer ${token}${control}x`);
  }
  for (const escape of ["%20", "%0a", "+", "\\n", "&nbsp;"]) {
    variants[`${escape} after it`] = () => meWith(app.origin, `Bearer ${token}${escape}`);
  }
  await refuses(variants, refusedByHttpOrUs);
});

attack("A-014: a padded token is refused", async ({ victim, refusesBearers }) => {
  const { header: h, payload: p, signature: s } = splitToken(victim.tokens.accessToken);
  await refusesBearers({
    "=": `${h}.${p}.${s}=`,
    "==": `${h}.${p}.${s}==`,
    "===": `${h}.${p}.${s}===`,
    "padded payload": `${h}.${p}=.${s}`,
    "padded header": `${h}=.${p}.${s}`,
    "escaped padding": `${h}.${p}.${s}%3D`,
    "padding inside": `${h}.${p}.${s.slice(0, 43)}=${s.slice(43)}`,
  });
});

attack("A-015: flipping unused bits of any segment is refused", async ({ victim, refusesBearers }) => {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const parts = victim.tokens.accessToken.split(".");
  const tokens: Record<string, string> = {};
  parts.forEach((part, i) => {
    const spareBits = [0, 0, 4, 2][part.length % 4] ?? 0;
    const last = alphabet.indexOf(part.slice(-1));
    for (let flip = 1; flip < 1 << spareBits; flip++) {
      const respelled = part.slice(0, -1) + alphabet[last ^ flip];
      tokens[`segment ${i}, bits ${flip}`] = parts.map((each, j) => i === j ? respelled : each).join(".");
    }
  });
  // The signature's 64 bytes always leave four spare bits in its 86 characters.
  assert(Object.keys(tokens).length >= 15);
  await refusesBearers(tokens);
});

attack("A-017: characters of other alphabets are refused", async ({ app, victim, refuses }) => {
  const { header: h, payload: p, signature: s } = splitToken(victim.tokens.accessToken);
  const variants: Record<string, Send> = {};
  for (
    const odd of [
      "+",
      "/",
      "~",
      ":",
      '"',
      "'",
      "\\",
      ";",
      "<",
      "*",
      "%2e",
      "\u00e9",
      "\u00c0\u00ae",
      "\u00ff\u00fe",
    ]
  ) {
    variants[`${odd} in the signature`] = () => meWith(app.origin, `Bearer ${h}.${p}.${odd}${s.slice(1)}`);
    variants[`${odd} for a dot`] = () => meWith(app.origin, `Bearer ${h}${odd}${p}${odd}${s}`);
    variants[`${odd} in front`] = () => meWith(app.origin, `Bearer ${odd}${h}.${p}.${s}`);
  }
  await refuses(variants, refusedByHttpOrUs);
});

attack(
  "A-018: encrypted and compressed tokens are refused unopened",
  async ({ forge, victim, refusesBearers }) => {
    const { claims } = splitToken(victim.tokens.accessToken);
    const random = (bytes: number) => b64u(crypto.getRandomValues(new Uint8Array(bytes)));
    const keyWraps = [
      { alg: "dir" },
      { alg: "PBES2-HS256+A128KW", p2c: 2 ** 31 - 1, p2s: random(16) },
      { alg: "PBES2-HS512+A256KW", p2c: 1e9, p2s: random(16) },
      { alg: "RSA-OAEP" },
      { alg: "ECDH-ES", epk: forge.publicJwk },
    ];
    const tokens: Record<string, string> = {};
    for (const keyWrap of keyWraps) {
      const header = { ...keyWrap, enc: "A256GCM", zip: "DEF", typ: "at+jwt", kid: forge.kid };
      const [encoded = ""] = joinParts(header, {}).split(".");
      tokens[`JWE ${keyWrap.alg}`] = [encoded, random(32), random(12), random(200), random(16)].join(".");
      tokens[`JWE header ${keyWrap.alg} on a JWS`] = await forge.token(header, claims);
      tokens[`${keyWrap.alg} with zip on a JWS`] = await forge.token({ ...forge.header, ...keyWrap }, claims);
    }
    tokens["zip alone"] = await forge.token({ ...forge.header, zip: "DEF" }, claims);
    await refusesBearers(tokens);
  },
);

attack(
  "A-019: a token from 5 KB to 1 MB is refused, whoever signed it",
  async ({ app, forge, victim, refuses }) => {
    const variants: Record<string, Send> = {};
    for (const kilobytes of [5, 8, 15, 17, 33, 64, 65, 128, 512, 1_024]) {
      const ballast = "x".repeat(kilobytes * 768);
      const signed = await forge.variant(victim.tokens.accessToken, { ballast });
      variants[`${kilobytes} KB, our key`] = () => meWith(app.origin, `Bearer ${signed}`);
      variants[`${kilobytes} KB of one letter`] = () =>
        meWith(app.origin, `Bearer ${"A".repeat(kilobytes * 1_024)}`);
      variants[`${kilobytes} KB of dots`] = () =>
        meWith(app.origin, `Bearer ${".".repeat(kilobytes * 1_024)}`);
    }
    await refuses(variants, { status: [400, 401, 431], reason: "TOKEN_INVALID" });
  },
);

attack(
  "A-019: a head of 64 KB and more is answered, and never with a 5xx",
  async ({ app, victim }) => {
    for (const kilobytes of [16, 64, 256, 1_024]) {
      const padding = "x".repeat(kilobytes * 1_024);
      const { status } = await meWith(app.origin, `Bearer ${victim.tokens.accessToken}`, [[
        "X-Padding",
        padding,
      ]]);
      assert([200, 400, 431].includes(status), `${kilobytes} KB: ${status}`);
    }
    assert((await app.call("/health/live")).status === 200);
  },
);
