import { assertEquals } from "@std/assert";
import { b64u, type Changes, makeVariants, signPayloads, splitToken } from "./forge.ts";
import { attack, refreshWith } from "./kit.ts";

const nowSeconds = () => Math.floor(Date.now() / 1_000);

attack("A-021: a token past its time is refused as expired", async (scene) => {
  const now = nowSeconds();
  await scene.refusesBearers(
    await makeVariants(scene, {
      "a second beyond the tolerance": { exp: now - 6, iat: now - 600 },
      "an hour": { exp: now - 3_600, iat: now - 7_200 },
      "in 1970": { exp: 1, iat: 1, auth_time: 1 },
    }),
    { reason: "TOKEN_EXPIRED", audit: "any" },
  );
  const within = await makeVariants(scene, { "within the tolerance": { exp: now - 1, iat: now - 600 } });
  assertEquals((await scene.app.call("auth.me", { bearer: within["within the tolerance"] })).status, 200);
});

attack("A-021: exp, nbf and iat that are no times, or not yet, are refused", async (scene) => {
  const { forge, victim, refusesBearers } = scene;
  const later = nowSeconds() + 60;
  const notTimes = [null, "", "tomorrow", String(later), true, {}, [later], -1, -1e9, later + 0.5, 1e300];
  const changes: Record<string, Changes> = {
    "exp missing": { exp: undefined },
    "iat missing": { iat: undefined },
    "nbf in a minute": { nbf: later },
    "nbf in a century": { nbf: later + 3_155_760_000 },
    "iat in a minute": { iat: later },
    "exp beyond year 9999": { exp: 253_402_300_800 },
    "exp in milliseconds": { exp: later * 1_000 },
    "exp 0": { exp: 0 },
  };
  for (const value of notTimes) {
    changes[`exp ${JSON.stringify(value)}`] = { exp: value };
    changes[`iat ${JSON.stringify(value)}`] = { iat: value };
    // A time in the past, whole or not, is a right `nbf`.
    if (typeof value !== "number" || value > later) changes[`nbf ${JSON.stringify(value)}`] = { nbf: value };
  }
  await refusesBearers(await makeVariants(scene, changes));
  const json = JSON.stringify(splitToken(victim.tokens.accessToken).claims);
  await refusesBearers(
    await signPayloads(forge, {
      "exp 1e400": json.replace(/"exp":\d+/, '"exp":1e400'),
      "iat -1e400": json.replace(/"iat":\d+/, '"iat":-1e400'),
      "nbf 1e400": json.replace(/\}$/, ',"nbf":1e400}'),
    }),
  );
});

attack("A-022: a token of another issuer or for another audience is refused", async (scene) => {
  const issuer = "http://watchword.test";
  const issuers = [
    ...[undefined, null, "", 1, true, {}, [issuer], [issuer, "http://evil.test"], "http://evil.test"],
    ...[
      `${issuer}/`,
      `${issuer}.evil.test`,
      issuer.toUpperCase(),
      `${issuer} `,
      "https://watchword.test",
      "watchword.test",
    ],
  ];
  const audiences = [
    ...[undefined, null, "", 1, true, {}, [], "other", ["other"], ["watchword", "other"], [
      "other",
      "watchword",
    ]],
    ...["Watchword", "watchword ", "watchword2", "watch", "watchword other", "watchword,other", "*", {
      watchword: true,
    }],
  ];
  const changes: Record<string, Changes> = {};
  for (const iss of issuers) changes[`iss ${JSON.stringify(iss)}`] = { iss };
  for (const aud of audiences) changes[`aud ${JSON.stringify(aud)}`] = { aud };
  await scene.refusesBearers(await makeVariants(scene, changes));
});

attack("A-023: a JWT of another type is no access token", async ({ forge, victim, refusesBearers }) => {
  const { claims } = splitToken(victim.tokens.accessToken);
  const types = [
    ...[
      "JWT",
      "jwt",
      "rt+jwt",
      "id+jwt",
      "reset+jwt",
      "verify+jwt",
      "mfa+jwt",
      "logout+jwt",
      "secevent+jwt",
      "dpop+jwt",
    ],
    ...["at+JWT", "AT+JWT", "application/at+jwt", "at", "at+jwt ", " at+jwt", "at+jwt;x=1", "at%2Bjwt", ""],
    ...[undefined, null, 1, true, ["at+jwt"], { typ: "at+jwt" }],
  ];
  const tokens: Record<string, string> = {};
  for (const typ of types) {
    tokens[`typ ${JSON.stringify(typ)}`] = await forge.token({ ...forge.header, typ }, claims);
  }
  await refusesBearers(tokens);
});

attack("A-024: a refresh token is no bearer", async ({ app, victim, refuses }) => {
  const { refreshToken } = victim.tokens;
  await refuses({
    "as it is": () => app.call("auth.me", { bearer: refreshToken }),
    "in three parts": () =>
      app.call("auth.me", { bearer: `${refreshToken}.${refreshToken}.${refreshToken.slice(0, 86)}` }),
    "for a logout": () => app.call("auth.logout", { bearer: refreshToken, body: {} }),
  }, { reason: "TOKEN_INVALID" });
  assertEquals((await refreshWith(app, refreshToken)).status, 200);
});

attack("A-024: an access token is no refresh token, and presenting it raises no alarm", async (scene) => {
  const { app, victim, refuses, refusesRefreshes } = scene;
  const { accessToken, refreshToken } = victim.tokens;
  const { payload, signature } = splitToken(accessToken);
  await refusesRefreshes({
    "as it is": accessToken,
    "its signature": signature,
    "its payload": payload,
    "92 characters of it": accessToken.replaceAll(".", "").slice(0, 92),
  });
  await refuses({
    "for a logout": () => app.call("auth.logout", { body: { refreshToken: accessToken } }),
  }, { reason: "REFRESH_INVALID" });
  assertEquals((await refreshWith(app, refreshToken)).status, 200);
});

attack(
  "A-025: a header with any other member is refused, critical or not",
  async ({ forge, victim, refusesBearers }) => {
    const { claims } = splitToken(victim.tokens.accessToken);
    const members: [string, unknown][] = [
      ...([["exp"], ["b64"], [], "exp", ["alg"], ["unknown"], null] as const).map((crit) =>
        ["crit", crit] as [string, unknown]
      ),
      ...([true, false] as const).map((b64) => ["b64", b64] as [string, unknown]),
      ...["zip", "cty", "enc", "nonce", "url", "__proto__", "x"].map((name) =>
        [name, "DEF"] as [string, unknown]
      ),
    ];
    const tokens: Record<string, string> = {};
    for (const [name, value] of members) {
      const header = `${JSON.stringify(forge.header).slice(0, -1)},${JSON.stringify(name)}:${
        JSON.stringify(value)
      }}`;
      tokens[`${name}: ${JSON.stringify(value)}`] = await forge.token(header, claims);
    }
    tokens["crit and b64"] = await forge.token({ ...forge.header, b64: false, crit: ["b64"] }, claims);
    tokens["exp in the header"] = await forge.token({ ...forge.header, exp: 1, crit: ["exp"] }, claims);
    tokens["another member in place of typ"] = await forge.token({
      alg: "Ed25519",
      kid: forge.kid,
      crit: ["x"],
    }, claims);
    tokens["claims in the header"] = await forge.token({ ...forge.header, ...claims }, b64u("{}"));
    await refusesBearers(tokens);
  },
);
