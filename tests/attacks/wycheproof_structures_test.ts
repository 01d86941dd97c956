/**
 * The structure classes of Project Wycheproof's `json_web_signature` vectors, made anew under the
 * service's own key, so that nothing but the structure can be what is refused.
 *
 * JWS: missing, extra and empty segments; padding, line breaks and the standard alphabet; encodings that are not
 * canonical; headers that are no object; repeated members; crit; b64; other algorithms; other serialisations;
 * detached and nested content; a signature of something else.
 */
import { assertEquals } from "@std/assert";
import { b64u, makeAttackerKey, splitToken } from "./forge.ts";
import { attack } from "./kit.ts";

attack("Wycheproof JWS: a genuine token, made anew, is accepted", async ({ app, forge, victim }) => {
  const bearer = await forge.token(forge.header, splitToken(victim.tokens.accessToken).claims);
  assertEquals((await app.call("auth.me", { bearer })).status, 200);
});

attack("Wycheproof JWS: missing, extra and empty segments", async ({ forge, victim, refusesBearers }) => {
  const { header: h, payload: p, signature: s } = splitToken(victim.tokens.accessToken);
  const signed = async (input: string) => `${input}.${b64u(await forge.signature(input))}`;
  await refusesBearers({
    "one segment": h,
    "two segments": `${h}.${p}`,
    "four segments": `${h}.${p}.${s}.${s}`,
    "five segments, as a JWE": `${h}.${p}.${s}.${p}.${s}`,
    "a dot before": `.${h}.${p}.${s}`,
    "a dot after": `${h}.${p}.${s}.`,
    "two dots": `${h}..${p}.${s}`,
    "an empty header, signed": await signed(`.${p}`),
    "an empty payload, signed": await signed(`${h}.`),
    "both empty, signed": await signed("."),
    "an empty signature": `${h}.${p}.`,
    "two segments, signed as one": await signed(h),
    "three segments, signed": await signed(`${h}.${p}.${p}`),
  });
});

attack("Wycheproof JWS: padding, line breaks, the standard alphabet, bits to spare", async (scene) => {
  const { forge, victim, refusesBearers } = scene;
  const { claims } = splitToken(victim.tokens.accessToken);
  const json = JSON.stringify(claims);
  // Made of characters 62 and 63, and of a length that leaves bits to spare.
  const payload = b64u(`${json.slice(0, -1)},"x":"\u00ff\u00fe\u00fb\u00ef>>>???"}`);
  const header = b64u(JSON.stringify(forge.header));
  const signed = async (h: string, p: string) => `${h}.${p}.${b64u(await forge.signature(`${h}.${p}`))}`;
  const standard = (text: string) => text.replaceAll("-", "+").replaceAll("_", "/");
  const respelled = (text: string) =>
    text.slice(0, -1) + String.fromCharCode(text.charCodeAt(text.length - 1) + 1);
  const odd = [0, 1, 2].map((spaces) =>
    b64u(json + " ".repeat(spaces))
  ).find((text) => text.length % 4 === 2) ?? "";
  await refusesBearers({
    "a padded payload, signed": await signed(header, `${payload}==`),
    "a padded header, signed": await signed(`${header}=`, payload),
    "a line break in the payload, signed": await signed(
      header,
      `${payload.slice(0, 40)}%0A${payload.slice(40)}`,
    ),
    "the standard alphabet, signed": await signed(header, `${standard(payload)}+/`),
    "a payload with bits to spare set, signed": await signed(header, respelled(odd)),
    "a character too many in the payload, signed": await signed(
      header,
      `${b64u(`${json}  `).slice(0, 4)}A${odd}`,
    ),
    "a header of one character, signed": await signed("A", payload),
    "a padded signature": `${await signed(header, payload)}==`,
    "a signature in the standard alphabet": `${header}.${payload}.${"+/".repeat(42)}+A`,
  });
});

attack("Wycheproof JWS: a header that is no object, or says something twice", async (scene) => {
  const { forge, victim, refusesBearers } = scene;
  const { claims } = splitToken(victim.tokens.accessToken);
  const { kid } = forge;
  const json = JSON.stringify(forge.header);
  const more = (member: string) => `${json.slice(0, -1)},${member}}`;
  const headers: Record<string, string | Uint8Array<ArrayBuffer>> = {
    "null": "null",
    "an array": `[${json}]`,
    "a string": JSON.stringify(json),
    "a number": "1",
    "no JSON": "alg",
    "JSON cut short": json.slice(0, -1),
    "JSON and more": `${json} x`,
    "not UTF-8": new Uint8Array([...new TextEncoder().encode(json.slice(0, -1)), 0xff, 0x7d]),
    "alg twice, none first": `{"alg":"none",${json.slice(1)}`,
    "alg twice, none last": more('"alg":"none"'),
    "alg twice, the same": more('"alg":"Ed25519"'),
    "alg twice, escaped": more('"\\u0061lg":"HS256"'),
    "kid twice, another first": `{"kid":"other",${json.slice(1)}`,
    "kid twice, the same": more(`"kid":"${kid}"`),
    "typ twice, another first": `{"typ":"JWT",${json.slice(1)}`,
    "without alg": JSON.stringify({ typ: "at+jwt", kid }),
    "without typ": JSON.stringify({ alg: "Ed25519", kid }),
    "without kid": JSON.stringify({ alg: "Ed25519", typ: "at+jwt" }),
    "empty": "{}",
    "upper-case names": JSON.stringify({ ALG: "Ed25519", TYP: "at+jwt", KID: kid }),
  };
  const tokens: Record<string, string> = {};
  for (const [name, header] of Object.entries(headers)) tokens[name] = await forge.token(header, claims);
  await refusesBearers(tokens, { reason: "TOKEN_INVALID", keyReloads: 1 });
});

attack("Wycheproof JWS: crit, b64, detached, nested, other serialisations", async (scene) => {
  const { forge, victim, refusesBearers } = scene;
  const { claims } = splitToken(victim.tokens.accessToken);
  const header = (more: Record<string, unknown>) => ({ ...forge.header, ...more });
  const genuine = splitToken(victim.tokens.accessToken);
  const { header: protectedHeader, payload, signature } = genuine;
  const encoded = b64u(JSON.stringify(header({ b64: false, crit: ["b64"] })));
  const unencoded = `${encoded}.${JSON.stringify(claims)}`;
  await refusesBearers({
    "crit of an unknown member": await forge.token(header({ crit: ["x"], x: 1 }), claims),
    "crit of an absent member": await forge.token(header({ crit: ["x"] }), claims),
    "crit of a registered member": await forge.token(header({ crit: ["alg"] }), claims),
    "crit, empty": await forge.token(header({ crit: [] }), claims),
    "crit, no array": await forge.token(header({ crit: "b64" }), claims),
    "b64 false": await forge.token(header({ b64: false, crit: ["b64"] }), claims),
    "b64 false, not critical": await forge.token(header({ b64: false }), claims),
    "b64 true": await forge.token(header({ b64: true, crit: ["b64"] }), claims),
    "b64 false, an unencoded payload": `${encoded}.${payload}.${b64u(await forge.signature(unencoded))}`,
    "detached": `${protectedHeader}..${signature}`,
    "nested": await forge.token(header({ cty: "JWT" }), victim.tokens.accessToken),
    "nested without cty": await forge.token(forge.header, victim.tokens.accessToken),
    "compressed": await forge.token(header({ zip: "DEF" }), claims),
    "flattened JSON": JSON.stringify({ protected: protectedHeader, payload, signature }),
    "general JSON": JSON.stringify({ payload, signatures: [{ protected: protectedHeader, signature }] }),
    "JSON in base64url": b64u(JSON.stringify({ protected: protectedHeader, payload, signature })),
  });
});

attack("Wycheproof JWS: another algorithm than the key's", async ({ forge, victim, refusesBearers }) => {
  const { claims } = splitToken(victim.tokens.accessToken);
  const tokens: Record<string, string> = {};
  for (const alg of ["ES256", "RS256"] as const) {
    const attacker = await makeAttackerKey(alg);
    tokens[`${alg} under our kid`] = await attacker.token({ ...forge.header, alg }, claims);
    tokens[`${alg} that says Ed25519`] = await attacker.token(forge.header, claims);
    tokens[`our signature that says ${alg}`] = await forge.token({ ...forge.header, alg }, claims);
  }
  await refusesBearers(tokens);
});
