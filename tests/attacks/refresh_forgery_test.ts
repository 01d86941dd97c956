import { assert, assertEquals } from "@std/assert";
import { createRefreshTokenCodec } from "../../server/tokens/refresh_token.ts";
import { testSecret } from "../kit/app.ts";
import { b64u, fromB64u } from "./forge.ts";
import { atOnce, attack, meOf, refreshWith } from "./kit.ts";
import { rotate, signIn } from "./sign_in.ts";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const TOKEN_CHARACTERS = 92;
const BODY_BYTES = 53;
const GENERATION_AT = 17;

/** The bytes of a token after a change to them. */
function altered(token: string, change: (bytes: Uint8Array) => void): string {
  const bytes = fromB64u(token);
  change(bytes);
  return b64u(bytes);
}

function randomToken(): string {
  return altered("A".repeat(TOKEN_CHARACTERS), (bytes) => {
    crypto.getRandomValues(bytes);
    bytes[0] = 1;
  });
}

attack("A-037: a bit flipped anywhere in a refresh token is refused and ends nothing", async (scene) => {
  const { app, victim, refusesRefreshes } = scene;
  const { refreshToken } = victim.tokens;
  assertEquals(refreshToken.length, TOKEN_CHARACTERS);
  const tokens: Record<string, string> = {};
  for (let at = 0; at < TOKEN_CHARACTERS; at++) {
    for (let bit = 0; bit < 6; bit++) {
      const flipped = alphabet[alphabet.indexOf(refreshToken.charAt(at)) ^ (1 << bit)];
      tokens[`character ${at}, bit ${bit}`] = refreshToken.slice(0, at) + flipped +
        refreshToken.slice(at + 1);
    }
  }
  assertEquals(Object.keys(tokens).length, TOKEN_CHARACTERS * 6);
  await refusesRefreshes(tokens);
  assertEquals((await refreshWith(app, refreshToken)).status, 200);
});

attack("A-037: a refresh token of another length or spelling is refused and ends nothing", async (scene) => {
  const { app, victim, refusesRefreshes } = scene;
  const { refreshToken } = victim.tokens;
  const tokens: Record<string, string> = {
    "nothing": "",
    "one more": `${refreshToken}A`,
    "four more": `${refreshToken}AAAA`,
    "padding": `${refreshToken}=`,
    "a space after": `${refreshToken} `,
    "a space before": ` ${refreshToken}`,
    "a line feed after": `${refreshToken}\n`,
    "a NUL after": `${refreshToken}\0`,
    "twice": refreshToken + refreshToken,
    "reversed": [...refreshToken].reverse().join(""),
    "lower case": refreshToken.toLowerCase(),
    "as base64": refreshToken.replaceAll("-", "+").replaceAll("_", "/").replace(/^../, "+/"),
    "as hex": fromB64u(refreshToken).toHex(),
    "quoted": JSON.stringify(refreshToken),
    "full-width": refreshToken.replaceAll(
      /[A-Z]/g,
      (each) => String.fromCharCode(each.charCodeAt(0) + 0xfee0),
    ),
    "lone surrogate": `${refreshToken.slice(0, 91)}\ud800`,
    "4,096 characters": "A".repeat(4_096),
  };
  for (const length of [1, 4, 22, 43, 88, 91]) tokens[`the first ${length}`] = refreshToken.slice(0, length);
  await refusesRefreshes(tokens);
  assertEquals((await refreshWith(app, refreshToken)).status, 200);
});

attack("A-037: knowing a session id, or any old tag, is not enough to end a session", async (scene) => {
  const { app, victim, refusesRefreshes } = scene;
  const { refreshToken } = victim.tokens;
  const stranger = fromB64u((await scene.registerUser()).tokens.refreshToken);
  const tokens: Record<string, string> = {
    "the tag of another session": altered(
      refreshToken,
      (bytes) => bytes.set(stranger.subarray(BODY_BYTES), BODY_BYTES),
    ),
    "the secret of another session": altered(
      refreshToken,
      (bytes) => bytes.set(stranger.subarray(21, BODY_BYTES), 21),
    ),
    "the session id in another's token": altered(
      b64u(stranger),
      (bytes) => bytes.set(fromB64u(refreshToken).subarray(1, GENERATION_AT), 1),
    ),
    "a tag of zeros": altered(refreshToken, (bytes) => bytes.fill(0, BODY_BYTES)),
    "a secret of zeros": altered(refreshToken, (bytes) => bytes.fill(0, 21, BODY_BYTES)),
    "everything but the session id random": altered(
      randomToken(),
      (bytes) => bytes.set(fromB64u(refreshToken).subarray(1, GENERATION_AT), 1),
    ),
  };
  for (const version of [0, 2, 3, 127, 128, 255]) {
    tokens[`version ${version}`] = altered(refreshToken, (bytes) => bytes[0] = version);
  }
  for (const generation of [1, 2, 255, 256, 2 ** 31, 2 ** 32 - 1]) {
    tokens[`generation ${generation} under the old tag`] = altered(
      refreshToken,
      (bytes) => new DataView(bytes.buffer).setUint32(GENERATION_AT, generation),
    );
  }
  await refusesRefreshes(tokens);
  assertEquals((await refreshWith(app, refreshToken)).status, 200);
});

attack("A-037: a token made under another secret is refused and ends nothing", async (scene) => {
  const codec = await createRefreshTokenCodec("another-secret-another-secret-another");
  const { sessionId } = scene.victim.tokens;
  await scene.refusesRefreshes({ "generation 0": (await codec.mintFirst(sessionId)).token });
});

attack("A-037: a genuine token of a session that never was is refused", async (scene) => {
  const codec = await createRefreshTokenCodec(testSecret);
  await scene.refusesRefreshes({ "unknown session": (await codec.mintFirst(crypto.randomUUID())).token });
});

attack("A-037: a genuine token that is ahead of the database is no theft", async (scene) => {
  const { app } = scene;
  const { sql } = app.database;
  const first = await signIn(app, "victim");
  const copy = await sql`select * from sessions where id = ${first.sessionId}`;
  const second = await rotate(app, first.refreshToken);
  const third = await rotate(app, second.refreshToken);
  await sql`delete from sessions where id = ${first.sessionId}`;
  await sql`insert into sessions ${sql(copy)}`;
  await scene.refusesRefreshes({ "two ahead": third.refreshToken, "one ahead": second.refreshToken }, {
    reason: "REFRESH_EXPIRED",
    audit: "any",
  });
  const twin = (await (await createRefreshTokenCodec(testSecret)).mintFirst(first.sessionId)).token;
  await scene.refusesRefreshes({ "the same generation, another secret": twin }, {
    reason: "REFRESH_EXPIRED",
    audit: "any",
  });
  assertEquals((await refreshWith(app, first.refreshToken)).status, 200);
});

for (
  const [name, parties] of Object.entries({
    "audience": { audience: "other-app" },
    "client": { clientId: "other-app" },
  })
) {
  attack(`A-042: a refresh token of another ${name} is refused and ends nothing`, async (scene) => {
    const { app, victim } = scene;
    const elsewhere = await scene.startInstance(parties);
    await scene.refuses({ "elsewhere": () => refreshWith(elsewhere, victim.tokens.refreshToken) }, {
      status: 401,
      audit: "any",
    });
    assertEquals((await refreshWith(app, victim.tokens.refreshToken)).status, 200);
  });
}

attack("A-042: an access token of another audience is refused", async (scene) => {
  const elsewhere = await scene.startInstance({ audience: "other-app" });
  await scene.refuses({ "elsewhere": () => meOf(elsewhere, scene.victim) }, { reason: "TOKEN_INVALID" });
});

/** Statements that a refresh could run; what the service does by itself in the background is none of them. */
const refreshStatements = /"(sessions|users|audit_events|outbox)"|^(begin|commit|rollback)|for update/i;

attack("A-044: random tokens never reach the database", async ({ app, victim, wire }) => {
  const said = wire.statements.length;
  const answers = await atOnce(500, () => refreshWith(app, randomToken()));
  assertEquals(new Set(answers.map(({ auth }) => auth?.reason)), new Set(["REFRESH_INVALID"]));
  assertEquals(wire.statements.slice(said).filter((sql) => refreshStatements.test(sql)), []);
  assertEquals((await refreshWith(app, victim.tokens.refreshToken)).status, 200);
  assert(wire.count(/"sessions"/, said) > 0, "the tap sees what a genuine token asks");
});

attack(
  "A-044: a flood of random tokens is limited, and a good one of the same network is not",
  async (scene) => {
    const { app, victim } = scene;
    const answers = await atOnce(150, () => refreshWith(app, randomToken()));
    const limited = answers.filter(({ status }) => status === 429);
    assertEquals(limited.length, 30);
    for (const { auth, headers } of limited) {
      assertEquals(auth?.reason, "RATE_LIMITED");
      assert(Number(headers.get("retry-after")) > 0);
    }
    assertEquals((await refreshWith(app, victim.tokens.refreshToken)).status, 200);
  },
  { rateLimits: true },
);

attack("A-046: a copy of the database signs nobody in", async (scene) => {
  const { app, victim } = scene;
  const first = await signIn(app, "victim");
  await rotate(app, first.refreshToken, "A".repeat(22));
  const rows = await app.database.sql<
    Record<string, unknown>[]
  >`select * from sessions where id = ${first.sessionId}`;
  const genuine = fromB64u(first.refreshToken);
  const tokens: Record<string, string> = {};
  for (const [column, value] of Object.entries(rows[0] ?? {})) {
    if (typeof value === "string") tokens[`${column} as it is`] = value;
    if (!(value instanceof Uint8Array)) continue;
    const hash = new Uint8Array(value);
    tokens[`${column}, base64url`] = b64u(hash);
    tokens[`${column}, hex`] = hash.toHex();
    tokens[`${column}, as Postgres prints it`] = `\\x${hash.toHex()}`;
    tokens[`${column}, filled up`] = b64u(hash).padEnd(TOKEN_CHARACTERS, "A");
    tokens[`${column} as the secret`] = altered(b64u(genuine), (bytes) => {
      bytes.set(hash, 21);
      bytes.fill(0, BODY_BYTES);
    });
  }
  assert(Object.keys(tokens).length >= 15);
  await scene.refusesRefreshes(tokens);
  assertEquals((await refreshWith(app, victim.tokens.refreshToken)).status, 200);
});

attack("A-046: a used token is refused although its row was restored from a backup", async (scene) => {
  const { app } = scene;
  const { sql } = app.database;
  const first = await signIn(app, "victim");
  const second = await rotate(app, first.refreshToken);
  await app.call("auth.logout", { bearer: second.accessToken, body: { scope: "all" } });
  const fresh = await signIn(app, "victim");
  const copy = await sql`select * from sessions where id = ${first.sessionId}`;
  await sql`delete from sessions where id = ${first.sessionId}`;
  await sql`insert into sessions ${sql({ ...copy[0], revoked_at: null, revoke_reason: null })}`;
  await scene.refusesRefreshes({ "current": second.refreshToken, "used": first.refreshToken }, {
    reason: "SESSION_REVOKED",
    audit: "any",
    victimLives: false,
  });
  assertEquals((await meOf(app, { tokens: fresh })).status, 200);
});
