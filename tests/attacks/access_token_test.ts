import { assertEquals } from "@std/assert";
import { addGroupOrder } from "./ed25519.ts";
import { b64u, fromB64u, joinParts, splitToken } from "./forge.ts";
import { attack, type Scene } from "./kit.ts";

/** The three signatures that an unsigned token may come with. */
function unsigned({ forge, victim }: Scene, alg: unknown): Record<string, string> {
  const { claims, signature } = splitToken(victim.tokens.accessToken);
  const input = joinParts({ alg, typ: "at+jwt", kid: forge.kid }, claims);
  return {
    [`alg ${alg}, no signature`]: `${input}.`,
    [`alg ${alg}, the signature of another token`]: `${input}.${signature}`,
    [`alg ${alg}, a signature of zeros`]: `${input}.${"A".repeat(86)}`,
    [`alg ${alg}, alone in the header`]: `${joinParts({ alg }, claims)}.`,
  };
}

attack("A-001: a token that says alg none is refused", async (scene) => {
  await scene.refusesBearers(unsigned(scene, "none"));
});

attack("A-002: no spelling of none is an algorithm", async (scene) => {
  const spellings = [
    "None",
    "NONE",
    "nOnE",
    "noNE",
    " none",
    "none ",
    "none\u0000",
    "\tnone",
    "ｎｏｎｅ",
    "nonе",
    "",
  ];
  for (const alg of [...spellings, null, false, 0, ["none"], { none: true }]) {
    await scene.refusesBearers(unsigned(scene, alg));
  }
});

attack(
  "A-003: edited claims under the original signature are refused",
  async ({ victim, refusesBearers }) => {
    const { header, claims, signature } = splitToken(victim.tokens.accessToken);
    const edits = {
      roles: ["admin"],
      sub: crypto.randomUUID(),
      sid: crypto.randomUUID(),
      exp: Number(claims["exp"]) + 86_400,
      ep: 99,
      amr: ["pwd", "mfa"],
      extra: 1,
    };
    const edited = Object.entries(edits).map(([name, value]) =>
      [name, `${header}.${b64u(JSON.stringify({ ...claims, [name]: value }))}.${signature}`] as const
    );
    await refusesBearers({
      ...Object.fromEntries(edited),
      "the same claims, spaced": `${header}.${b64u(JSON.stringify(claims, null, 1))}.${signature}`,
    });
  },
);

attack(
  "A-004: a token without its signature, or with a part too few or too many, is refused",
  async (scene) => {
    const { header: h, payload: p, signature: s } = splitToken(scene.victim.tokens.accessToken);
    const broken = [
      `${h}.${p}.`,
      `${h}.${p}`,
      `${h}.${p}.${s}.`,
      `${h}.${p}.${s}.x`,
      `${h}.${p}.${s}.${s}`,
      `${h}..${s}`,
      `.${p}.${s}`,
      `.${h}.${p}.${s}`,
      `${h}${p}.${s}`,
      "..",
      "...",
      ".",
      h,
      s,
    ];
    await scene.refusesBearers(
      Object.fromEntries(broken.map((token) => [token.replaceAll(/[\w-]{20,}/g, "…"), token])),
    );
  },
);

attack("A-012: only the one algorithm, spelled as it is, even over our own signature", async (scene) => {
  const { forge, victim, refusesBearers } = scene;
  const { claims } = splitToken(victim.tokens.accessToken);
  const names = [
    "EdDSA",
    "ed25519",
    "ED25519",
    "Ed25519 ",
    "Ed25519\u0000",
    "Ed448",
    "ES256",
    "RS256",
    "PS256",
    "HS256",
  ];
  const tokens: Record<string, string> = {};
  for (const alg of [...names, undefined, null, ["Ed25519"], { alg: "Ed25519" }, true, 1]) {
    tokens[`alg ${JSON.stringify(alg)}`] = await forge.token({ ...forge.header, alg }, claims);
  }
  await refusesBearers(tokens);
  assertEquals(
    (await scene.app.call("auth.me", { bearer: await forge.variant(victim.tokens.accessToken, {}) })).status,
    200,
  );
});

attack("A-016: a revoked token does not come back in another spelling", async (scene) => {
  const { app, victim } = scene;
  const thief = await app.call("auth.login", {
    body: { identifier: "victim", password: "correct horse battery" },
  });
  const { accessToken } = thief.data.tokens;
  await app.call("auth.logout", { bearer: accessToken, body: {} });
  await scene.refusesBearers({ "as it was": accessToken }, { reason: "SESSION_REVOKED", audit: "any" });

  const { header, payload, signature } = splitToken(accessToken);
  const spelled = (text: string) => `${header}.${payload}.${text}`;
  const spareBits = "AQgw".includes(signature.slice(-1))
    ? String.fromCharCode(signature.charCodeAt(85) + 1)
    : "B";
  const malleable = [1n, 2n, 7n].map((times) => addGroupOrder(fromB64u(signature), times)).filter((each) =>
    each !== null
  );
  await scene.refusesBearers({
    ...Object.fromEntries(
      malleable.map((each, i) => [`S raised by the group order, ${i}`, spelled(b64u(each))]),
    ),
    "padded": spelled(`${signature}==`),
    "spare bits": spelled(signature.slice(0, 85) + spareBits),
    "header respelled": `${
      b64u(JSON.stringify(splitToken(accessToken).headerFields, null, 1))
    }.${payload}.${signature}`,
  });
  assertEquals((await app.call("auth.me", { bearer: victim.tokens.accessToken })).status, 200);
});
