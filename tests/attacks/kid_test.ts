import { assert, assertEquals } from "@std/assert";
import { splitToken } from "./forge.ts";
import { atOnce, attack, meOf } from "./kit.ts";
import { sendRaw } from "./raw_http.ts";

/** Asks `auth.me` with an `Authorization` header as it stands. */
function meWith(origin: string, authorization: string, more: [string, string][] = []) {
  return sendRaw(origin, { target: "/trpc/auth.me", headers: [["Authorization", authorization], ...more] });
}

attack(
  "A-010: a kid is a name to look up in memory and nothing else",
  async ({ forge, victim, refusesBearers }) => {
    const { claims } = splitToken(victim.tokens.accessToken);
    const kids = [
      ...["../../dev/null", "/dev/null", "..\\..\\nul", "file:///dev/null", "http://127.0.0.1/key"],
      ...["x' UNION SELECT '1';--", "' or 1=1 --", "|sleep 10", "$(sleep 10)", "`sleep 10`", "%00", "\u0000"],
      ...[
        "__proto__",
        "constructor",
        "toString",
        "hasOwnProperty",
        "prototype",
        "0",
        "",
        " ",
        "null",
        "undefined",
      ],
      ...[
        `${forge.kid} `,
        ` ${forge.kid}`,
        forge.kid.toUpperCase(),
        `${forge.kid}\u0000`,
        forge.kid.slice(1),
        forge.publicJwk.x,
      ],
      ...[1, 0, -1, true, null, undefined, [], [forge.kid], {}, { $ne: null }, "k".repeat(2_000)],
    ];
    const tokens: Record<string, string> = {};
    for (const kid of kids) {
      tokens[`kid ${JSON.stringify(kid)?.slice(0, 60)}`] = await forge.token({
        alg: "Ed25519",
        typ: "at+jwt",
        kid,
      }, claims);
    }
    await refusesBearers(tokens, { reason: "TOKEN_INVALID", keyReloads: 1 });
  },
);

attack("A-010: a kid of a megabyte is refused", async ({ app, forge, victim, refuses }) => {
  const { claims } = splitToken(victim.tokens.accessToken);
  const bearer = await forge.token({ ...forge.header, kid: "k".repeat(1_000_000) }, claims);
  await refuses({ "1 MB": () => meWith(app.origin, `Bearer ${bearer}`) }, {
    status: [400, 401, 431],
    reason: "TOKEN_INVALID",
  });
});

const UNKNOWN_KEYS = 10_000;
const RELOAD_COOL_DOWN_SECONDS = 10;

attack("A-011: 10,000 unknown key names cost at most one key reload per cool-down", async (scene) => {
  const { app, advance, forge, victim, wire } = scene;
  const { claims } = splitToken(victim.tokens.accessToken);
  // Past the cool-down of the reading at the start, so that the flood begins with a reload.
  await advance(RELOAD_COOL_DOWN_SECONDS + 1);
  const said = wire.statements.length;
  const startedAt = performance.now();
  const statuses = new Set<number>();
  let left = UNKNOWN_KEYS;
  await atOnce(50, async () => {
    while (left-- > 0) {
      const bearer = await forge.token({ ...forge.header, kid: crypto.randomUUID() }, claims);
      statuses.add((await app.call("auth.me", { bearer })).status);
    }
  });
  assertEquals([...statuses], [401]);
  const coolDowns = 1 + Math.floor((performance.now() - startedAt) / 1_000 / RELOAD_COOL_DOWN_SECONDS);
  const reloads = wire.count(/"signing_keys"/, said);
  assert(reloads >= 1 && reloads <= coolDowns, `${reloads} reloads in ${coolDowns} cool-downs`);
  // Refused before the denylist, so the flood asked the database for nothing else either.
  assertEquals(wire.count(/"(sessions|users)"/, said), 0);
  assertEquals((await meOf(app, victim)).status, 200);
});

attack(
  "A-011: a flood of forged bearers is limited, and a good bearer of the same network is not",
  async (scene) => {
    const { app, forge, victim } = scene;
    const { claims } = splitToken(victim.tokens.accessToken);
    const answers = await atOnce(330, async () =>
      await app.call("auth.me", {
        bearer: await forge.token({ ...forge.header, kid: crypto.randomUUID() }, claims),
      }));
    const limited = answers.filter(({ status }) => status === 429);
    assertEquals(limited.length, 30);
    for (const { auth, headers } of limited) {
      assertEquals(auth?.reason, "RATE_LIMITED");
      assert(Number(headers.get("retry-after")) > 0);
    }
    assertEquals(answers.filter(({ auth }) => auth?.reason === "TOKEN_INVALID").length, 300);
    assertEquals((await meOf(app, victim)).status, 200);
  },
  { rateLimits: true },
);
