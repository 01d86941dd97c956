import { assertEquals } from "@std/assert";
import type { Tokens, User } from "@watchword/shared";
import { decodeRecord, encodeRecord, isNewer } from "./persistent.ts";
import { type SessionRecord, toEnded, toRecord } from "./session_record.ts";

const user: User = {
  id: "01890a5d-ac96-774b-bcce-b302099a8057",
  email: null,
  username: "ada",
  emailVerified: false,
  roles: [],
  createdAt: "2026-01-01T00:00:00.000Z",
};
const tokens: Tokens = {
  tokenType: "Bearer",
  accessToken: "access",
  expiresInSeconds: 600,
  refreshToken: "refresh",
  refreshExpiresInSeconds: 2_592_000,
  sessionId: "01890a5d-ac96-774b-bcce-b302099a8058",
  generation: 3,
  serverTime: "2026-01-01T00:00:00.000Z",
};
const about = { user, startedAt: 500, issuedAt: 1_000 };
const record: SessionRecord = toRecord(tokens, about);

Deno.test("a record that is written comes back equal", () => {
  assertEquals(decodeRecord(encodeRecord(record)), record);
  const attempted = { ...record, attemptId: "AAAAAAAAAAAAAAAAAAAAAA" };
  assertEquals(decodeRecord(encodeRecord(attempted))?.attemptId, attempted.attemptId);
});

Deno.test("a record keeps lifetimes relative to when the tokens were asked for", () => {
  assertEquals([record.issuedAt, record.expiresInSeconds], [1_000, 600]);
});

Deno.test("in cookie mode a record has no refresh token to steal", () => {
  const { refreshToken: _, ...cookieTokens } = tokens;
  assertEquals(toRecord(cookieTokens, about).refreshToken, "");
});

const altered = (change: Record<string, unknown>) => JSON.stringify({ v: 1, ...record, ...change });

const foreign: Record<string, string> = {
  "nothing": "",
  "text": "hello",
  "half a record": encodeRecord(record).slice(0, -1),
  "null": "null",
  "a number": "5",
  "a list": "[]",
  "an empty object": "{}",
  "another app's object": JSON.stringify({ token: "x" }),
  "a future version": altered({ v: 2 }),
  "no version": altered({ v: undefined }),
  "no user": altered({ user: undefined }),
  "a user without an id": altered({ user: {} }),
  "a session id of another type": altered({ sessionId: 1 }),
  "no access token": altered({ accessToken: undefined }),
  "an access token of another type": altered({ accessToken: {} }),
  "no refresh token": altered({ refreshToken: null }),
  "a generation that is text": altered({ generation: "3" }),
  "a generation that is no number": altered({ generation: null }),
  "an age that is text": altered({ issuedAt: "1000" }),
  "no lifetime": altered({ expiresInSeconds: undefined }),
  "an endless lifetime": altered({}).replace('"expiresInSeconds":600', '"expiresInSeconds":1e999'),
  "an attempt id of another type": altered({ attemptId: 5 }),
};

for (const [what, text] of Object.entries(foreign)) {
  Deno.test(`A-S5: ${what} in the store is no record`, () => assertEquals(decodeRecord(text), null));
}

Deno.test("an empty store is no record", () => assertEquals(decodeRecord(null), null));

Deno.test("what is left of a session that is over names neither its user nor a token", () => {
  const text = encodeRecord(toEnded(record));
  for (const secret of [tokens.accessToken, tokens.refreshToken!, user.id, user.username!]) {
    assertEquals([secret, text.includes(`"${secret}"`)], [secret, false]);
  }
  assertEquals(decodeRecord(text)?.sessionId, tokens.sessionId);
});

Deno.test("in cookie mode no token is stored", () => {
  const stored = decodeRecord(encodeRecord(record, { isCookieMode: true }));
  assertEquals([stored?.accessToken, stored?.refreshToken, stored?.user], ["", "", user]);
});

Deno.test("records have one order: the later sign-in, and within a session what came later, its end last of all", () => {
  const later = { ...record, sessionId: "another", startedAt: 600, generation: 0 };
  const inOrder = [
    record,
    { ...record, attemptId: "a" },
    { ...record, generation: 4 },
    { ...record, generation: 5, attemptId: "b" },
    toEnded(record),
    later,
    toEnded(later),
  ];
  for (const [i, one] of inOrder.entries()) {
    for (const [j, other] of inOrder.entries()) assertEquals([i, j, isNewer(one, other)], [i, j, i > j]);
  }
});
