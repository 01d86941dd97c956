import { Buffer } from "node:buffer";
import { b64u, fromB64u, makeAttackerKey, signHmac, splitToken } from "./forge.ts";
import { attack } from "./kit.ts";

const hmacHashes = { HS256: "SHA-256", HS384: "SHA-384", HS512: "SHA-512" } as const;

attack(
  "A-005: the public key is no shared secret, however it is written",
  async ({ forge, victim, refusesBearers }) => {
    const { claims } = splitToken(victim.tokens.accessToken);
    const { kid, pem, spki, publicJwk } = forge;
    const published = { ...publicJwk, kid, alg: "Ed25519", use: "sig" };
    const rawPublicKey = fromB64u(publicJwk.x);
    const secrets: Record<string, string | Uint8Array> = {
      "PEM": pem,
      "PEM and a line feed": `${pem}\n`,
      "PEM with CRLF": pem.replaceAll("\n", "\r\n"),
      "PEM after a space": ` ${pem}`,
      "PEM on one line": pem.replaceAll("\n", ""),
      "DER": spki,
      "DER as base64": Buffer.from(spki).toString("base64"),
      "JWK, compact": JSON.stringify(publicJwk),
      "JWK, pretty": JSON.stringify(publicJwk, null, 2),
      "JWK and a line feed": `${JSON.stringify(publicJwk)}\n`,
      "JWK as published": JSON.stringify(published),
      "JWK in an array": JSON.stringify([publicJwk]),
      "JWKS": JSON.stringify({ keys: [published] }),
      "x, raw": rawPublicKey,
      "x, base64url": publicJwk.x,
      "x, hex": Buffer.from(rawPublicKey).toString("hex"),
      "kid": kid,
    };
    const tokens: Record<string, string> = {};
    for (const [name, secret] of Object.entries(secrets)) {
      for (const [alg, hash] of Object.entries(hmacHashes)) {
        tokens[`${alg}, ${name}`] = await signHmac(hash, secret, { alg, typ: "at+jwt", kid }, claims);
        tokens[`${alg} that says Ed25519, ${name}`] = await signHmac(hash, secret, forge.header, claims);
      }
    }
    await refusesBearers(tokens);
  },
);

attack(
  "A-006: an empty or blank shared secret verifies nothing",
  async ({ forge, victim, refusesBearers }) => {
    const { claims } = splitToken(victim.tokens.accessToken);
    const tokens: Record<string, string> = {};
    const blanks = {
      "empty": "",
      "NUL": "\0",
      "32 zeros": new Uint8Array(32),
      "null": "null",
      "undefined": "undefined",
    };
    for (const [name, secret] of Object.entries(blanks)) {
      for (const [alg, hash] of Object.entries(hmacHashes)) {
        for (const kid of [forge.kid, "no-such-key", undefined]) {
          tokens[`${alg}, ${name}, kid ${kid}`] = await signHmac(
            hash,
            secret,
            { alg, typ: "at+jwt", kid },
            claims,
          );
        }
        tokens[`${alg} that says Ed25519, ${name}`] = await signHmac(hash, secret, forge.header, claims);
      }
    }
    await refusesBearers(tokens, { reason: "TOKEN_INVALID", keyReloads: 1 });
  },
);

attack(
  "A-007: a key that the token brings along is not believed",
  async ({ forge, victim, refusesBearers }) => {
    const { claims } = splitToken(victim.tokens.accessToken);
    const tokens: Record<string, string> = {};
    for (const alg of ["Ed25519", "ES256", "RS256"] as const) {
      const { publicJwk, token } = await makeAttackerKey(alg);
      for (const kid of [forge.kid, "attacker", undefined]) {
        tokens[`${alg}, kid ${kid}`] = await token({ alg, typ: "at+jwt", kid, jwk: publicJwk }, claims);
      }
      tokens[`${alg}, jwk with our kid`] = await token(
        { alg, typ: "at+jwt", kid: forge.kid, jwk: { ...publicJwk, kid: forge.kid } },
        claims,
      );
      tokens[`${alg}, our header`] = await token(forge.header, claims);
    }
    tokens["our own key, embedded"] = await forge.token({ ...forge.header, jwk: forge.publicJwk }, claims);
    await refusesBearers(tokens, { reason: "TOKEN_INVALID", keyReloads: 1 });
  },
);

attack(
  "A-008: no address in a header is ever called",
  async ({ app, forge, victim, canary, refusesBearers }) => {
    const { claims } = splitToken(victim.tokens.accessToken);
    const attacker = await makeAttackerKey("Ed25519");
    const addresses = [
      `${canary.origin}/jwks.json`,
      `${canary.origin}/.well-known/jwks.json#${app.origin}`,
      `${app.origin}/health/live?next=${canary.origin}`,
      "file:///etc/passwd",
      "http://169.254.169.254/latest/meta-data/",
      "data:application/json,{}",
      "//127.0.0.1",
      "",
    ];
    const tokens: Record<string, string> = {};
    for (const name of ["jku", "x5u", "iss", "jwks_uri"]) {
      for (const address of addresses) {
        const header = { ...forge.header, [name]: address };
        tokens[`${name} ${address}, attacker's key`] = await attacker.token(header, claims);
        tokens[`${name} ${address}, attacker's kid`] = await attacker.token(
          { ...header, kid: "attacker" },
          claims,
        );
        tokens[`${name} ${address}, our key`] = await forge.token(header, claims);
      }
    }
    await refusesBearers(tokens, { reason: "TOKEN_INVALID", keyReloads: 1 });
  },
);

attack("A-009: a certificate in a header is not believed", async ({ forge, victim, refusesBearers }) => {
  const { claims } = splitToken(victim.tokens.accessToken);
  const attacker = await makeAttackerKey("Ed25519");
  const certificate = Buffer.from("a certificate").toString("base64");
  const members = {
    x5c: [certificate],
    x5t: b64u("thumbprint"),
    "x5t#S256": b64u("thumbprint"),
    cty: "JWT",
    p2c: 1,
  };
  const tokens: Record<string, string> = {};
  for (const [name, value] of Object.entries(members)) {
    tokens[`${name}, attacker's key`] = await attacker.token({ ...forge.header, [name]: value }, claims);
    tokens[`${name}, our key`] = await forge.token({ ...forge.header, [name]: value }, claims);
  }
  await refusesBearers(tokens);
});
