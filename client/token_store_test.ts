import { assertEquals } from "@std/assert";
import type { Tokens, User } from "@watchword/shared";
import { decodeRecord, encodeRecord, type SessionRecord, toRecord } from "./token_store.ts";

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
const record: SessionRecord = toRecord(user, tokens, 1_000);

Deno.test("a record that is written comes back equal", () => {
  assertEquals(decodeRecord(encodeRecord(record)), { v: 1, ...record });
  const attempted = { ...record, attemptId: "AAAAAAAAAAAAAAAAAAAAAA" };
  assertEquals(decodeRecord(encodeRecord(attempted))?.attemptId, attempted.attemptId);
});

Deno.test("a record keeps lifetimes relative to when the tokens were asked for", () => {
  assertEquals([record.issuedAtMs, record.ttlMs], [1_000, 600_000]);
});

Deno.test("in cookie mode a record has no refresh token to steal", () => {
  const { refreshToken: _, ...cookieTokens } = tokens;
  assertEquals(toRecord(user, cookieTokens, 0).refreshToken, "");
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
  "a user that is null": altered({ user: null }),
  "a session id of another type": altered({ sessionId: 1 }),
  "no access token": altered({ accessToken: undefined }),
  "an access token of another type": altered({ accessToken: {} }),
  "no refresh token": altered({ refreshToken: null }),
  "a generation that is text": altered({ generation: "3" }),
  "a generation that is no number": altered({ generation: null }),
  "an age that is text": altered({ issuedAtMs: "1000" }),
  "no lifetime": altered({ ttlMs: undefined }),
  "an endless lifetime": altered({}).replace('"ttlMs":600000', '"ttlMs":1e999'),
  "an attempt id of another type": altered({ attemptId: 5 }),
};

for (const [what, text] of Object.entries(foreign)) {
  Deno.test(`A-S5: ${what} in the store is no record`, () => assertEquals(decodeRecord(text), null));
}

Deno.test("an empty store is no record", () => assertEquals(decodeRecord(null), null));
