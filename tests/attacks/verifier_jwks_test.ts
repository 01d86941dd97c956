import { assertEquals } from "@std/assert";
import { type Issuer, startIssuer } from "../kit/issuer.ts";
import { sayOf } from "../kit/verifier.ts";
import { startCanary } from "./canary.ts";
import { b64u, joinParts } from "./forge.ts";

/** What a new verifier says of a token that is genuine but for the key set. */
async function judge(issuer: Issuer, token: string): Promise<string> {
  await using verifier = issuer.verifier();
  return sayOf(await verifier.verifyToken(token));
}

Deno.test("R-33, R-92: only an Ed25519 key for signatures, without its private half, is a key", async () => {
  await using issuer = await startIssuer();
  const { jwk, token } = await issuer.makeKey();
  const genuine = await token();
  issuer.publish([jwk]);
  assertEquals(await judge(issuer, genuine), "valid");
  const changes: Record<string, unknown>[] = [
    ...["RSA", "EC", "oct", "okp", undefined, null, ["OKP"]].map((kty) => ({ kty })),
    ...["Ed448", "X25519", "ed25519", undefined, 1].map((crv) => ({ crv })),
    ...["EdDSA", "HS256", "none", undefined, null].map((alg) => ({ alg })),
    ...["enc", "", undefined, ["sig"]].map((use) => ({ use })),
    ...["", undefined, null, 1, [jwk.kid], "k".repeat(257)].map((kid) => ({ kid })),
    ...["", `${jwk.x}=`, `${jwk.x} `, `${jwk.x}A`, jwk.x.slice(1), undefined, 1, b64u(new Uint8Array(31))]
      .map((
        x,
      ) => ({ x })),
    { d: b64u(new Uint8Array(32)) },
    { d: null },
  ];
  for (const change of changes) {
    issuer.publish([{ ...jwk, ...change }]);
    assertEquals([change, await judge(issuer, genuine)], [change, "TOKEN_INVALID"]);
  }
});

Deno.test("keys of other kinds beside ours are left out, and break nothing", async () => {
  await using issuer = await startIssuer();
  const { jwk, token } = await issuer.makeKey();
  issuer.publish([null, 1, "key", [], {}, { kty: "RSA", n: "AQAB", e: "AQAB", kid: "rsa" }, jwk, {
    kty: "oct",
    k: "",
  }]);
  assertEquals(await judge(issuer, await token()), "valid");
});

Deno.test("a key set that is none, or in which keys cannot be told apart, is no answer at all", async () => {
  await using issuer = await startIssuer();
  const { jwk, token } = await issuer.makeKey();
  const other = await issuer.makeKey(jwk.kid);
  const genuine = await token();
  const json = JSON.stringify({ keys: [jwk] });
  const padding = " ".repeat(70_000);
  const answers: Record<string, () => Response> = {
    "two keys with one kid": () => Response.json({ keys: [jwk, other.jwk] }),
    "one key twice": () => Response.json({ keys: [jwk, jwk] }),
    "33 keys": () => Response.json({ keys: [jwk, ...Array.from({ length: 32 }, () => ({}))] }),
    "more than 64 KiB": () => new Response(json + padding),
    "more than 64 KiB in front": () => new Response(padding + json),
    "no JSON": () => new Response("<html>"),
    "JSON cut short": () => new Response(json.slice(0, -1)),
    "no UTF-8": () => new Response(new Uint8Array([0xff, 0xfe])),
    "an array": () => Response.json([jwk]),
    "null": () => Response.json(null),
    "keys that are no array": () => Response.json({ keys: { 0: jwk, length: 1 } }),
    "nothing": () => new Response(null),
    "no content": () => new Response(null, { status: 204 }),
    ...Object.fromEntries(
      [201, 206, 400, 401, 404, 500, 503].map((
        status,
      ) => [`${status}`, () => new Response(json, { status })]),
    ),
  };
  for (const [name, answer] of Object.entries(answers)) {
    issuer.answer = answer;
    assertEquals([name, await judge(issuer, genuine)], [name, "UNAVAILABLE"]);
  }
});

Deno.test("R-34: a redirect to another key set is not followed", async () => {
  await using issuer = await startIssuer();
  await using elsewhere = await startIssuer();
  const { jwk, token } = await elsewhere.makeKey();
  elsewhere.publish([jwk]);
  for (const status of [301, 302, 303, 307, 308]) {
    for (const location of [`${elsewhere.origin}/`, `${issuer.origin}/other.json`]) {
      issuer.answer = (request) =>
        request.url.endsWith("other.json")
          ? Response.json({ keys: [jwk] })
          : new Response(null, { status, headers: { location } });
      assertEquals([status, await judge(issuer, await token())], [status, "UNAVAILABLE"]);
    }
  }
  assertEquals(elsewhere.requests, []);
  assertEquals(issuer.requests.filter((path) => path === "/other.json"), []);
});

Deno.test("R-34: no member of a token's header makes a verifier ask anybody, and none brings a key", async () => {
  await using issuer = await startIssuer();
  await using canary = startCanary();
  const [known, attacker] = [await issuer.makeKey(), await issuer.makeKey()];
  issuer.publish([known.jwk]);
  await using verifier = issuer.verifier();
  const [, payload = "", signature = ""] = (await attacker.token()).split(".");
  const { origin: url } = canary;
  const members: Record<string, unknown>[] = [
    { jku: `${url}/keys` },
    { x5u: `${url}/cert` },
    { jwk: attacker.jwk },
    { x5c: ["MIIB"] },
    { kid: `${url}/keys` },
    { kid: "../../keys" },
    { iss: url },
  ];
  for (const member of members) {
    const header = { alg: "Ed25519", typ: "at+jwt", kid: attacker.jwk.kid, ...member };
    const [encoded] = joinParts(header, "").split(".");
    assertEquals(sayOf(await verifier.verifyToken(`${encoded}.${payload}.${signature}`)), "TOKEN_INVALID");
  }
  assertEquals(canary.requests, []);
  assertEquals(new Set(issuer.requests), new Set(["/.well-known/jwks.json"]));
});
