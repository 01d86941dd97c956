import { assertEquals } from "@std/assert";
import { atOnce, attack, meOf, type Send } from "./kit.ts";
import { sendRaw } from "./raw_http.ts";
import { signIn } from "./sign_in.ts";

/** Asks `auth.me` with headers as they stand. */
function meWithHeaders(origin: string, headers: [string, string][], query = "") {
  return sendRaw(origin, { target: `/trpc/auth.me${query}`, headers });
}

function meWith(origin: string, ...values: string[]) {
  return meWithHeaders(origin, values.map((value) => ["Authorization", value] as [string, string]));
}

attack("A-026: another scheme is no token", async ({ app, victim, refuses }) => {
  const token = victim.tokens.accessToken;
  const schemes = ["Basic", "Digest", "Token", "JWT", "BearerX", "X-Bearer", "DPoP", "MAC", ""];
  const variants = Object.fromEntries(
    schemes.map((scheme) => [scheme, () => meWith(app.origin, `${scheme} ${token}`)] as const),
  );
  await refuses({ ...variants, "the token alone": () => meWith(app.origin, token) }, {
    reason: "TOKEN_MISSING",
  });
});

attack("A-026: a scheme that only begins like Bearer carries no token", async ({ app, victim, refuses }) => {
  const token = victim.tokens.accessToken;
  await refuses({
    "a colon": () => meWith(app.origin, `Bearer: ${token}`),
    "an equals sign": () => meWith(app.origin, `Bearer=${token}`),
    "a slash": () => meWith(app.origin, `Bearer/${token}`),
    "nothing between": () => meWith(app.origin, `Bearer${token}`),
  }, { reason: ["TOKEN_MISSING", "TOKEN_INVALID"] });
});

attack("A-026: the scheme counts in any case", async ({ app, victim }) => {
  for (const scheme of ["bearer", "BEARER", "bEaReR"]) {
    assertEquals((await meWith(app.origin, `${scheme} ${victim.tokens.accessToken}`)).status, 200, scheme);
  }
});

attack("A-026: anything but exactly one token after the scheme is refused", async (scene) => {
  const { app, victim, refuses } = scene;
  const token = victim.tokens.accessToken;
  const stranger = (await scene.registerUser()).tokens.accessToken;
  await refuses({
    "nothing": () => meWith(app.origin, "Bearer"),
    "a space": () => meWith(app.origin, "Bearer "),
    "two tokens": () => meWith(app.origin, `Bearer ${token} ${stranger}`),
    "the same twice": () => meWith(app.origin, `Bearer ${token} ${token}`),
    "a comma list": () => meWith(app.origin, `Bearer ${token},${stranger}`),
    "a comma list with schemes": () => meWith(app.origin, `Bearer ${token}, Bearer ${stranger}`),
    "a trailing comma": () => meWith(app.origin, `Bearer ${token},`),
    "a leading comma": () => meWith(app.origin, `Bearer ,${token}`),
    "quotes": () => meWith(app.origin, `Bearer "${token}"`),
    "a parameter": () => meWith(app.origin, `Bearer token="${token}"`),
    "the scheme twice": () => meWith(app.origin, `Bearer Bearer ${token}`),
    "a tab": () => meWith(app.origin, `Bearer\t${token}`),
    "two headers": () => meWith(app.origin, `Bearer ${token}`, `Bearer ${stranger}`),
    "the same header twice": () => meWith(app.origin, `Bearer ${token}`, `Bearer ${token}`),
    "Bearer, then Basic": () => meWith(app.origin, `Bearer ${token}`, "Basic dTpw"),
    "Bearer, then an empty one": () => meWith(app.origin, `Bearer ${token}`, ""),
  }, { reason: "TOKEN_INVALID" });
  await refuses({
    "Basic, then Bearer": () => meWith(app.origin, "Basic dTpw", `Bearer ${token}`),
    "an empty one, then Bearer": () => meWith(app.origin, "", `Bearer ${token}`),
  }, { reason: ["TOKEN_INVALID", "TOKEN_MISSING"] });
});

attack("A-026: a token anywhere but in the header is not read", async (scene) => {
  const { app, victim, refuses } = scene;
  const token = victim.tokens.accessToken;
  const names = ["access_token", "token", "authorization", "bearer", "jwt"];
  const variants: Record<string, Send> = {};
  for (const name of names) {
    variants[`query ${name}`] = () => meWithHeaders(app.origin, [], `?${name}=${token}`);
    variants[`cookie ${name}`] = () => meWithHeaders(app.origin, [["Cookie", `${name}=${token}`]]);
    variants[`header x-${name}`] = () => meWithHeaders(app.origin, [[`X-${name}`, `Bearer ${token}`]]);
  }
  variants["Proxy-Authorization"] = () =>
    meWithHeaders(app.origin, [["Proxy-Authorization", `Bearer ${token}`]]);
  variants["connectionParams"] = () =>
    meWithHeaders(app.origin, [], `?connectionParams=${encodeURIComponent(JSON.stringify({ token }))}`);
  await refuses(variants, { reason: "TOKEN_MISSING" });
});

attack("A-026: the header alone decides who calls", async (scene) => {
  const { app, victim } = scene;
  const stranger = await scene.registerUser();
  const answer = await meWithHeaders(app.origin, [
    ["Authorization", `Bearer ${victim.tokens.accessToken}`],
    [
      "Cookie",
      `__Host-watchword_refresh=${stranger.tokens.refreshToken}; access_token=${stranger.tokens.accessToken}`,
    ],
  ], `?access_token=${stranger.tokens.accessToken}`);
  assertEquals(answer.status, 200);
  assertEquals(answer.data.user.id, victim.user.id);
});

attack("A-026: of calls at once, each is answered to its own caller", async (scene) => {
  const { app, victim } = scene;
  const callers = [victim, await scene.registerUser(), await scene.registerUser()];
  const ended = await signIn(app, victim.username);
  await scene.other.call("auth.logout", { bearer: ended.accessToken, body: {} });
  const answers = await atOnce(200, async (i) => {
    const caller = callers[i % 4];
    const answer = await meOf(app, caller ?? { tokens: ended });
    return {
      expected: caller?.user.id ?? "SESSION_REVOKED",
      got: answer.data?.user.id ?? answer.auth?.reason,
    };
  });
  for (const { expected, got } of answers) assertEquals(got, expected);
});
