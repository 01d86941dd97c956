/**
 * The structure classes of Project Wycheproof's `ed25519` vectors, made anew under the service's own key: S out of
 * range; cut and lengthened; zeros; swapped halves; points of small order, points off the curve and encodings that
 * are not canonical for R and for the key; ph and ctx variants; other messages and keys.
 */
import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { calculateThumbprint } from "./thumbprint.ts";
import {
  addGroupOrder,
  groupOrder,
  joinSignature,
  signWithNoncePoint,
  smallOrderPoints,
  writeScalar,
} from "./ed25519.ts";
import { b64u, fromB64u, joinParts, makeAttackerKey, splitToken } from "./forge.ts";
import { attack } from "./kit.ts";
import { sendRaw } from "./raw_http.ts";

const SIGNATURE_BYTES = 64;

attack("Wycheproof Ed25519: S out of range", async ({ forge, victim, refusesBearers }) => {
  const input = joinParts(forge.header, splitToken(victim.tokens.accessToken).claims);
  const genuine = await forge.signature(input);
  const r = genuine.subarray(0, 32);
  const tokens: Record<string, string> = {};
  for (let times = 1n; times <= 15n; times++) {
    const raised = addGroupOrder(genuine, times);
    if (raised) tokens[`S + ${times} L`] = `${input}.${b64u(raised)}`;
  }
  const scalars = {
    "0": 0n,
    "1": 1n,
    "L - 1": groupOrder - 1n,
    "L": groupOrder,
    "L + 1": groupOrder + 1n,
    "2^256 - 1": 2n ** 256n - 1n,
  };
  for (const [name, scalar] of Object.entries(scalars)) {
    tokens[`S = ${name}`] = `${input}.${b64u(joinSignature(r, writeScalar(scalar) ?? r))}`;
  }
  assert(Object.keys(tokens).length >= 20);
  await refusesBearers(tokens);
});

attack("Wycheproof Ed25519: cut, lengthened, emptied, swapped, or of something else", async (scene) => {
  const { forge, victim, refusesBearers } = scene;
  const { claims } = splitToken(victim.tokens.accessToken);
  const input = joinParts(forge.header, claims);
  const genuine = await forge.signature(input);
  const attacker = await makeAttackerKey("Ed25519");
  const [r, s] = [genuine.subarray(0, 32), genuine.subarray(32)];
  const zeros = new Uint8Array(32);
  const bytes: Record<string, Uint8Array> = {
    "no bytes": new Uint8Array(),
    "one byte": genuine.subarray(0, 1),
    "R alone": r,
    "S alone": s,
    "a byte less": genuine.subarray(0, SIGNATURE_BYTES - 1),
    "a zero after": Buffer.concat([genuine, Buffer.alloc(1)]),
    "a zero before": Buffer.concat([Buffer.alloc(1), genuine]),
    "twice": Buffer.concat([genuine, genuine]),
    "with the message": Buffer.concat([genuine, Buffer.from(input)]),
    "all zeros": new Uint8Array(SIGNATURE_BYTES),
    "all ones": new Uint8Array(SIGNATURE_BYTES).fill(0xff),
    "R zero": joinSignature(zeros, s),
    "S zero": joinSignature(r, zeros),
    "halves swapped": joinSignature(s, r),
    "big-endian S": joinSignature(r, s.slice().reverse()),
    "R's sign flipped": joinSignature(r.with(31, (r[31] ?? 0) ^ 0x80), s),
    "R = the public key": joinSignature(fromB64u(forge.publicJwk.x), s),
    "of no message": await forge.signature(""),
    "of the payload alone": await forge.signature(input.split(".")[1] ?? ""),
    "of the header alone": await forge.signature(input.split(".")[0] ?? ""),
    "of the JSON": await forge.signature(JSON.stringify(claims)),
    "of the input and a line feed": await forge.signature(`${input}\n`),
    "of other claims": await forge.signature(joinParts(forge.header, { ...claims, roles: ["admin"] })),
    "of ctx form": await forge.signature(`SigEd25519 no Ed25519 collisions\u0000\u0000${input}`),
    "of ph form": await forge.signature(`SigEd25519 no Ed25519 collisions\u0001\u0000${input}`),
  };
  const tokens = Object.fromEntries(
    Object.entries(bytes).map(([name, each]) => [name, `${input}.${b64u(each)}`]),
  );
  await refusesBearers({ ...tokens, "of another key": await attacker.token(forge.header, claims) });
});

attack("Wycheproof Ed25519: R of small order, off the curve, or not canonical", async (scene) => {
  const { forge, victim, refusesBearers } = scene;
  const input = joinParts(forge.header, splitToken(victim.tokens.accessToken).claims);
  const s = (await forge.signature(input)).subarray(32);
  const tokens: Record<string, string> = {};
  const token = (r: Uint8Array, scalar: Uint8Array) => `${input}.${b64u(joinSignature(r, scalar))}`;
  smallOrderPoints.forEach((r, i) => {
    tokens[`small order ${i}, S of the genuine one`] = token(r, s);
    tokens[`small order ${i}, S = 0`] = token(r, new Uint8Array(32));
    tokens[`small order ${i}, S = 1`] = token(r, new Uint8Array(32).with(0, 1));
  });
  // The first is the identity: a right R under RFC 8032 for whoever has the key, and out of reach for others.
  smallOrderPoints.slice(1).forEach((r, i) => {
    tokens[`small order ${i + 1}, S of the key's holder`] = `${input}.${
      b64u(signWithNoncePoint(forge, input, r))
    }`;
  });
  for (const y of [2, 7, 8]) {
    tokens[`y = ${y}, off the curve or not ours`] = token(new Uint8Array(32).with(0, y), s);
  }
  for (let y = 0xed; y <= 0xff; y++) {
    const beyond = new Uint8Array(32).fill(0xff).with(0, y).with(31, 0x7f);
    tokens[`y = p + ${y - 0xed}`] = token(beyond, s);
  }
  await refusesBearers(tokens);
});

attack("Wycheproof Ed25519: a stored key of small order verifies nothing", async (scene) => {
  const { app, forge, victim } = scene;
  const { sql } = app.database;
  const { claims } = splitToken(victim.tokens.accessToken);
  for (const point of smallOrderPoints) {
    const publicJwk = { kty: "OKP", crv: "Ed25519", x: b64u(point) } as const;
    const kid = await calculateThumbprint(publicJwk);
    await sql`insert into signing_keys (kid, alg, public_jwk, private_encrypted, state, retired_at)
      values (${kid}, 'Ed25519', ${sql.json(publicJwk)}, ${new Uint8Array(60)}, 'retired', now())`;
    await app.auth.runUpkeep().catch(() => {});
    for (let i = 0; i < 16; i++) {
      // The equation holds for one message in eight at the least.
      const input = joinParts({ ...forge.header, kid }, { ...claims, jti: String(i), roles: ["admin"] });
      for (const r of smallOrderPoints.slice(0, 2)) {
        const authorization = `Bearer ${input}.${b64u(joinSignature(r, new Uint8Array(32)))}`;
        const answer = await sendRaw(app.origin, {
          target: "/trpc/auth.me",
          headers: [["Authorization", authorization]],
        });
        // With such a row in its table a service may also say that it cannot know.
        assert([401, 503].includes(answer.status), `${b64u(point)}: ${answer.status} ${answer.text}`);
      }
    }
    await sql`delete from signing_keys where kid = ${kid}`;
  }
  assertEquals((await app.call("auth.me", { bearer: victim.tokens.accessToken })).status, 200);
});
