import { assert, assertEquals } from "@std/assert";
import { password, type RawAnswer } from "../kit/app.ts";
import { attack, meOf, type Send } from "./kit.ts";
import { sendRaw } from "./raw_http.ts";
import { signIn } from "./sign_in.ts";

/** An answer without what differs in every one. */
function withoutRequestId({ text }: RawAnswer): string {
  return text.replace(/"requestId":"[^"]+"/, '"requestId":""');
}

attack("A-082: another user's session is answered like one that does not exist", async (scene) => {
  const { app, victim, refuses } = scene;
  const { tokens: { accessToken: bearer } } = await scene.registerUser("mallory");
  const revoke = (sessionId: string) => app.call("auth.sessions.revoke", { bearer, body: { sessionId } });
  const ended = await signIn(app, "victim");
  await app.call("auth.logout", { bearer: ended.accessToken, body: {} });
  const { sessionId } = victim.tokens;
  const ids: Record<string, string> = {
    "the victim's": sessionId,
    "the victim's in upper case": sessionId.toUpperCase(),
    "an ended one of the victim's": ended.sessionId,
    "the victim's user id": victim.user.id,
    "unknown": crypto.randomUUID(),
    "nil": "00000000-0000-0000-0000-000000000000",
    "max": "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "version 1": "c232ab00-9414-11ec-b3c8-9f6bdeced846",
    "version 7": "017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
    "the next one": sessionId.replace(/.$/, (last) => ((parseInt(last, 16) + 1) % 16).toString(16)),
  };
  await refuses(
    Object.fromEntries(Object.entries(ids).map(([name, id]) => [name, () => revoke(id)] as const)),
    { reason: "NOT_FOUND", audit: "any" },
  );
  const [foreign, unknown] = [await revoke(sessionId), await revoke(crypto.randomUUID())];
  assertEquals(withoutRequestId(foreign), withoutRequestId(unknown));
  assertEquals([...foreign.headers.keys()], [...unknown.headers.keys()]);
});

attack("A-082: what is no UUID is refused as input", async (scene) => {
  const { app, victim, refuses } = scene;
  const { tokens: { accessToken: bearer } } = await scene.registerUser("mallory");
  const { sessionId } = victim.tokens;
  const ids = [
    ...[
      "",
      "1",
      "0",
      "-1",
      "*",
      "%",
      "me",
      "current",
      "null",
      "../../sessions",
      sessionId.replaceAll("-", ""),
    ],
    ...[
      `{${sessionId}}`,
      `urn:uuid:${sessionId}`,
      `${sessionId} `,
      ` ${sessionId}`,
      `${sessionId}\n`,
      `${sessionId}\0`,
    ],
    ...[`${sessionId}' or '1'='1`, `' or 1=1 --`, `${sessionId},${sessionId}`, "x".repeat(10_000)],
    ...[null, 1, true, [], [sessionId], {}, { $ne: null }, { $in: [sessionId] }],
  ];
  const variants: Record<string, Send> = {};
  for (const id of ids) {
    variants[JSON.stringify(id).slice(0, 60)] = () =>
      app.call("auth.sessions.revoke", { bearer, body: { sessionId: id } });
  }
  variants["no id"] = () => app.call("auth.sessions.revoke", { bearer, body: {} });
  variants["no input"] = () => app.call("auth.sessions.revoke", { bearer, method: "POST" });
  variants["another key beside it"] = () =>
    app.call("auth.sessions.revoke", { bearer, body: { sessionId, userId: victim.user.id } });
  await refuses(variants, { reason: "INPUT_INVALID" });
});

attack("A-082: a batch of guesses ends nobody's session", async (scene) => {
  const { app, victim } = scene;
  const { tokens: { accessToken: bearer } } = await scene.registerUser("mallory");
  const paths = Array.from({ length: 10 }, () => "auth.sessions.revoke").join(",");
  const body = Object.fromEntries(
    Array.from(
      { length: 10 },
      (_, i) => [i, { sessionId: i === 5 ? victim.tokens.sessionId : crypto.randomUUID() }],
    ),
  );
  const answer = await app.call(`${paths}?batch=1`, { bearer, body });
  const reasons = JSON.parse(answer.text).map((each: { error: { data: { auth: { reason: string } } } }) =>
    each.error.data.auth.reason
  );
  assertEquals(reasons, Array(10).fill("NOT_FOUND"));
  assertEquals((await meOf(app, victim)).status, 200);
});

attack("A-082: the list of sessions is the caller's own", async (scene) => {
  const { app, victim } = scene;
  const mallory = await scene.registerUser("mallory");
  const { accessToken: bearer } = mallory.tokens;
  const own = await app.call("auth.sessions.list", { bearer });
  assertEquals(own.data.map((session: { id: string }) => session.id), [mallory.tokens.sessionId]);
  const asked = encodeURIComponent(JSON.stringify({ userId: victim.user.id }));
  await scene.refuses({
    "for a user": () => app.call(`auth.sessions.list?input=${asked}`, { bearer }),
    "me for a user": () => app.call(`auth.me?input=${asked}`, { bearer }),
  }, { reason: "INPUT_INVALID" });
});

const sessionKeys = [
  "amr",
  "authenticatedAt",
  "createdAt",
  "current",
  "expiresAt",
  "id",
  "ip",
  "lastUsedAt",
  "userAgent",
];

attack("A-085: sessions and me show no hash, no epoch and no token", async ({ app, victim }) => {
  const rotated = await app.call("auth.refresh", { body: { refreshToken: victim.tokens.refreshToken } });
  const bearer = rotated.data.accessToken;
  const list = await app.call("auth.sessions.list", { bearer });
  const me = await app.call("auth.me", { bearer });
  for (const session of [...list.data, me.data.session]) {
    assertEquals(Object.keys(session).sort(), sessionKeys);
  }
  assertEquals(Object.keys(me.data).sort(), ["claims", "session", "user"]);
  assertEquals(Object.keys(me.data.user).sort(), [
    "createdAt",
    "email",
    "emailVerified",
    "id",
    "roles",
    "username",
  ]);
  for (const { text } of [list, me]) {
    assert(!/hash|epoch|ratchet|generation|password|token|attempt|seq|xid/i.test(text), text);
  }
});

/** Signs in with headers as they stand, and reads back how the session lists itself. */
async function listSignedIn(origin: string, identifier: string, headers: [string, string][]) {
  const body = JSON.stringify({ identifier, password });
  const answer = await sendRaw(origin, {
    method: "POST",
    target: "/trpc/auth.login",
    headers: [["Content-Type", "application/json"], ...headers],
    body,
  });
  if (answer.status !== 200) return { status: answer.status, session: undefined };
  const authorization = `Bearer ${answer.data.tokens.accessToken}`;
  const list = await sendRaw(origin, {
    target: "/trpc/auth.sessions.list",
    headers: [["Authorization", authorization]],
  });
  assertEquals(list.headers.get("content-type")?.split(";")[0], "application/json");
  assertEquals(list.headers.get("x-content-type-options"), "nosniff");
  const sessions: { current: boolean; userAgent: string | null; ip: string | null }[] = list.data;
  return { status: 200, session: sessions.find(({ current }) => current) };
}

// deno-lint-ignore no-control-regex -- these are what must not come back
const controlCharacters = /[\u0000-\u001f\u007f-\u009f]/;

attack(
  "A-085: a user agent comes back bounded and without control characters, and forges no log line",
  async (scene) => {
    const { app, other } = scene;
    const agents = [
      ...[
        "<script>alert(1)</script>",
        '"},{"id":"x',
        "${7*7}{{7*7}}",
        "%00%0a%0d",
        "=cmd|' /C calc'!A0",
        "a".repeat(5_000),
      ],
      ...[
        '\\n{"level":"error","event":"forged"}',
        '\t{"level":"error","event":"forged"}',
        "\u009b31mred",
        "\u00ff\u00fe\u0080",
      ],
      ...["\u001b[31mred", 'x\r\n {"level":"error","event":"forged"}', "x\0y", ""],
    ];
    for (const agent of agents) {
      const { status, session } = await listSignedIn(app.origin, "victim", [["User-Agent", agent]]);
      assert([200, 400].includes(status), `${JSON.stringify(agent)}: ${status}`);
      const shown = session?.userAgent ?? "";
      assert(shown.length <= 256 && !controlCharacters.test(shown), JSON.stringify(shown));
    }
    for (const line of [...app.logs, ...other.logs]) {
      assert(!controlCharacters.test(line), JSON.stringify(line));
      assert(JSON.parse(line).event !== "forged");
    }
  },
);

attack("A-085: a forwarded address is not believed without a trusted proxy", async ({ app }) => {
  const spoofed = [
    "X-Forwarded-For",
    "Forwarded",
    "X-Real-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
    "X-Client-IP",
  ];
  const headers = spoofed.map((name) =>
    [name, name === "Forwarded" ? "for=6.6.6.6" : "6.6.6.6"] as [string, string]
  );
  assertEquals((await listSignedIn(app.origin, "victim", headers)).session?.ip, "127.0.0.1");
});

attack("A-085: what a trusted proxy did not write is shown as an address or not at all", async ({ app }) => {
  const forged = [
    "<script>",
    "6.6.6.6'; drop table users;--",
    "999.1.1.1",
    "::1::",
    "a, b",
    "1.2.3.4, <b>",
    "x".repeat(9_000),
    "",
  ];
  for (const value of forged) {
    const { status, session } = await listSignedIn(app.origin, "victim", [["X-Forwarded-For", value]]);
    assertEquals([status, session?.ip], [200, "127.0.0.1"], value.slice(0, 40));
  }
  const seen = await listSignedIn(app.origin, "victim", [["X-Forwarded-For", "6.6.6.6, 192.0.2.7"]]);
  assertEquals(seen.session?.ip, "192.0.2.7");
}, { trustedProxyHops: 1 });
