import { assert, assertEquals } from "@std/assert";
import { type Changes, makeVariants, signPayloads, splitToken } from "./forge.ts";
import { attack } from "./kit.ts";

const nowSeconds = () => Math.floor(Date.now() / 1_000);

attack(
  "A-020: a payload that is no object of claims is refused, though the signature is right",
  async (scene) => {
    const { forge, victim, refusesBearers } = scene;
    const { claims } = splitToken(victim.tokens.accessToken);
    const json = JSON.stringify(claims);
    const encoder = new TextEncoder();
    await refusesBearers(
      await signPayloads(forge, {
        "not UTF-8": new Uint8Array([...encoder.encode(json.slice(0, -1)), 0xff, 0xfe, 0x7d]),
        "overlong UTF-8": new Uint8Array([...encoder.encode(json.slice(0, -1)), 0xc0, 0xae, 0x7d]),
        "UTF-16": new Uint8Array(new Uint16Array([...json].map((each) => each.charCodeAt(0))).buffer),
        "not JSON": "claims",
        "single quotes": json.replaceAll('"', "'"),
        "JSON and more": `${json}{}`,
        "JSON cut short": json.slice(0, -1),
        "a trailing comma": json.replace(/\}$/, ",}"),
        "a comment": json.replace("{", "{/**/"),
        "an array": `[${json}]`,
        "an empty array": "[]",
        "null": "null",
        "true": "true",
        "a number": "1",
        "a string": JSON.stringify(json),
        "an empty object": "{}",
        "NaN": json.replace(/"exp":\d+/, '"exp":NaN'),
      }),
    );
  },
);

attack("A-020: a payload after a byte order mark is refused", async ({ forge, victim, refusesBearers }) => {
  const json = new TextEncoder().encode(JSON.stringify(splitToken(victim.tokens.accessToken).claims));
  await refusesBearers(
    await signPayloads(forge, { "UTF-8's": new Uint8Array([0xef, 0xbb, 0xbf, ...json]) }),
  );
});

attack("A-020: a claim that stands there twice is refused, whichever value is right", async (scene) => {
  const { forge, victim, refusesBearers } = scene;
  const { claims } = splitToken(victim.tokens.accessToken);
  const json = JSON.stringify(claims);
  const other = {
    sub: crypto.randomUUID(),
    sid: crypto.randomUUID(),
    exp: nowSeconds() + 86_400,
    roles: ["admin"],
    ep: 7,
  };
  const payloads: Record<string, string> = {};
  for (const [name, value] of Object.entries(other)) {
    payloads[`${name}, the right one last`] = `{${JSON.stringify(name)}:${JSON.stringify(value)},${
      json.slice(1)
    }`;
    payloads[`${name}, the right one first`] = `${json.slice(0, -1)},${JSON.stringify(name)}:${
      JSON.stringify(value)
    }}`;
  }
  payloads["sub, the same value"] = `${json.slice(0, -1)},"sub":${JSON.stringify(claims["sub"])}}`;
  payloads["sub, escaped"] = `${json.slice(0, -1)},"\\u0073ub":"${other.sub}"}`;
  await refusesBearers(await signPayloads(forge, payloads));
});

attack("A-020: claims nested 100,000 deep are refused", async ({ forge, victim, refusesBearers }) => {
  const json = JSON.stringify(splitToken(victim.tokens.accessToken).claims);
  const nested = (open: string, close: string) =>
    `${json.slice(0, -1)},"deep":${open.repeat(100_000)}1${close.repeat(100_000)}}`;
  await refusesBearers(
    await signPayloads(forge, { "arrays": nested("[", "]"), "objects": nested('{"a":', "}") }),
    { status: [400, 401, 431], reason: "TOKEN_INVALID" },
  );
});

attack("A-020: the deepest claims that fit into a token break nothing", async ({ app, forge, victim }) => {
  const json = JSON.stringify(splitToken(victim.tokens.accessToken).claims);
  const nested = `${json.slice(0, -1)},"deep":${"[".repeat(1_100)}${"]".repeat(1_100)}}`;
  const answer = await app.call("auth.me", { bearer: await forge.token(forge.header, nested) });
  assert([200, 401].includes(answer.status), answer.text);
});

attack("A-020: claims that name the prototype are refused and pollute nothing", async (scene) => {
  const { forge, victim, refusesBearers } = scene;
  const { claims } = splitToken(victim.tokens.accessToken);
  const json = JSON.stringify(claims);
  const added = (member: string) => `${json.slice(0, -1)},${member}}`;
  await refusesBearers(
    await signPayloads(forge, {
      "__proto__ alone": added('"__proto__":{"polluted":true}'),
      "__proto__ with a role": added('"__proto__":{"roles":["admin"]}'),
      "__proto__ escaped": added('"\\u005f_proto__":{"polluted":true}'),
      "a constructor": added('"constructor":{"prototype":{"polluted":true}}'),
      "prototype": added('"prototype":{"polluted":true}'),
      "all claims in __proto__": `{"__proto__":${json}}`,
    }),
  );
  assertEquals(({} as Record<string, unknown>)["polluted"], undefined);
});

attack("A-020: a required claim that is missing or of another type is refused", async (scene) => {
  const wrong: Record<string, unknown[]> = {
    sub: [undefined, null, 1, {}, [], "", "victim", { $ne: null }, `${crypto.randomUUID()} `],
    sid: [undefined, null, 1, {}, [], "", "session"],
    ep: [undefined, null, "0", -1, 0.5, {}],
    jti: [undefined, null, 1, {}],
    client_id: [undefined, null, 1, []],
    auth_time: [undefined, null, "now", -1],
    amr: [undefined, null, "pwd", [1], {}],
    roles: [undefined, null, "admin", [1], {}],
  };
  const changes: Record<string, Changes> = {};
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) changes[`${name} ${JSON.stringify(value)}`] = { [name]: value };
  }
  await scene.refusesBearers(await makeVariants(scene, changes));
});
