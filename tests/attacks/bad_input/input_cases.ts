import { password } from "../../kit/app.ts";
import { badCall, type BadInput, badShot, canary } from "./bad_input.ts";

const attemptId = "AAAAAAAAAAAAAAAAAAAAAA";
const refused = "400 INPUT_INVALID";

// Every field of every input, in a body that is right but for it.
const fields: [path: string, body: Record<string, unknown>, field: string][] = [
  ["auth.register", { username: canary, password }, "username"],
  ["auth.register", { email: `${canary}@example.com`, password }, "email"],
  ["auth.register", { username: canary, password }, "password"],
  ["auth.login", { identifier: canary, password }, "identifier"],
  ["auth.login", { identifier: canary, password }, "password"],
  ["auth.refresh", { refreshToken: canary, attemptId }, "refreshToken"],
  ["auth.refresh", { refreshToken: canary, attemptId }, "attemptId"],
  ["auth.logout", { scope: "this" }, "scope"],
  ["auth.logout", { refreshToken: canary }, "refreshToken"],
  ["auth.sessions.revoke", { sessionId: canary }, "sessionId"],
  ["auth.stepUp", { password }, "password"],
];
const isProtected = (path: string) => ["auth.sessions.revoke", "auth.stepUp"].includes(path);

const wrongTypes: Record<string, unknown> = {
  number: 4_711,
  "huge number": 1e308,
  boolean: true,
  null: null,
  array: [],
  "array of the right thing": [canary],
  object: {},
  "query operator": { $ne: null },
  "object with a toString": { toString: canary },
};

const wrongTypeCases = fields.flatMap(([path, body, field]) =>
  Object.entries(wrongTypes).map(([type, value]) =>
    badShot(`${path}: ${field} as ${type}`, refused, ({ tokens }) => ({
      path,
      body: { ...body, [field]: value },
      bearer: isProtected(path) ? tokens.accessToken : undefined,
    }))
  )
);

const unknownKeys = [
  "isAdmin",
  "emailVerified",
  "id",
  "role",
  "roles",
  "__proto__",
  "constructor",
  "prototype",
  "",
];

// Written by hand: an object literal would set the prototype instead of sending the key.
const unknownKeyCases = fields.flatMap(([path, body]) =>
  unknownKeys.map((key) =>
    badShot(`${path}: unknown key ${JSON.stringify(key)}`, refused, ({ tokens }) => ({
      path,
      rawBody: `${JSON.stringify(body).slice(0, -1)},${
        JSON.stringify(key)
      }:{"polluted":"${canary}","isAdmin":true}}`,
      headers: { "content-type": "application/json" },
      bearer: isProtected(path) ? tokens.accessToken : undefined,
    }))
  )
);

const topLevelCases = [
  "auth.register",
  "auth.login",
  "auth.refresh",
  "auth.logout",
  "auth.stepUp",
  "auth.sessions.revoke",
]
  .flatMap((path) =>
    [[], [canary], canary, 5, true].map((body) =>
      badShot(`${path}: the input is ${JSON.stringify(body)}`, refused, ({ tokens }) => ({
        path,
        body,
        bearer: isProtected(path) ? tokens.accessToken : undefined,
      }))
    )
  );

const missingFieldCases = [
  badCall("auth.register: nothing", refused, "auth.register", { body: {} }),
  badCall("auth.register: no body", refused, "auth.register", { method: "POST" }),
  badCall("auth.login: no password", refused, "auth.login", { body: { identifier: canary } }),
  badCall("auth.login: empty identifier", refused, "auth.login", { body: { identifier: "", password } }),
  badCall("auth.login: empty password", refused, "auth.login", {
    body: { identifier: canary, password: "" },
  }),
  badCall("auth.register: empty password", "400 PASSWORD_TOO_SHORT", "auth.register", {
    body: { username: canary, password: "" },
  }),
  badCall("auth.login: identifier of 255", refused, "auth.login", {
    body: { identifier: "a".repeat(255), password },
  }),
];

const attemptIds = {
  "of 21 characters": attemptId.slice(1),
  "of 23 characters": `${attemptId}A`,
  "with spare bits set": `${attemptId.slice(1)}B`,
  "with padding": `${attemptId.slice(2)}==`,
  "of plain base64": `+/${attemptId.slice(2)}`,
  "with a line break": `${attemptId}\n`,
  "that is empty": "",
};

const tokenCases = [
  ...Object.entries(attemptIds).map(([what, id]) =>
    badShot(`auth.refresh: an attempt id ${what}`, refused, ({ tokens }) => ({
      path: "auth.refresh",
      body: { refreshToken: tokens.refreshToken, attemptId: id },
    }))
  ),
  badCall("auth.refresh: 4,097 characters", refused, "auth.refresh", {
    body: { refreshToken: "a".repeat(4_097) },
  }),
  badCall("auth.refresh: 4,096 characters", "401 REFRESH_INVALID", "auth.refresh", {
    body: { refreshToken: "a".repeat(4_096) },
  }),
  ...["", canary, `${canary}\0`, "\ud800", "null", "{}", "A".repeat(92)].map((refreshToken) =>
    badCall(`auth.refresh: the text ${JSON.stringify(refreshToken)}`, "401 REFRESH_INVALID", "auth.refresh", {
      body: { refreshToken },
    })
  ),
  badCall("auth.logout: garbage", "401 REFRESH_INVALID", "auth.logout", { body: { refreshToken: canary } }),
  badCall("auth.logout: 4,097 characters", refused, "auth.logout", {
    body: { refreshToken: "a".repeat(4_097) },
  }),
  badShot("auth.logout: another scope", refused, ({ tokens }) => ({
    path: "auth.logout",
    body: { scope: "everyone" },
    bearer: tokens.accessToken,
  })),
  ...[canary, "1", "00000000-0000-0000-0000-00000000000", "g0000000-0000-4000-8000-000000000000"].map((
    sessionId,
  ) =>
    badShot(`auth.sessions.revoke: the id ${sessionId}`, refused, ({ tokens }) => ({
      path: "auth.sessions.revoke",
      body: { sessionId },
      bearer: tokens.accessToken,
    }))
  ),
];

const hostileTexts = [
  `${canary}\0`,
  `${canary}' or '1'='1`,
  `${canary}'; drop table users; --`,
  `${canary}" union select * from users --`,
  `${canary}\\`,
  `$1 ${canary}`,
  `{"$gt":"${canary}"}`,
  `${canary}\ud800`,
  `${canary}\u212a`,
  `\udfff${canary}`,
  `${canary}\u202e\u200d`,
  `${canary}%00`,
  `${canary}\r\n{"level":"error"}`,
];

const hostileTextCases: BadInput[] = hostileTexts.flatMap((text) => [
  badCall(`auth.register: the name ${JSON.stringify(text)}`, refused, "auth.register", {
    body: { username: text, password },
  }),
  badCall(`auth.register: the address ${JSON.stringify(text)}@x`, refused, "auth.register", {
    body: { email: `${text}@example.com@`, password },
  }),
  {
    name: `auth.login: the identifier ${JSON.stringify(text)}`,
    answer: "401 INVALID_CREDENTIALS",
    executed: true as const,
    shot: () => ({ path: "auth.login", body: { identifier: text, password } }),
  },
]);

const passwordCases = [
  badCall("auth.register: 257 code points", "400 PASSWORD_TOO_LONG", "auth.register", {
    body: { username: canary, password: "🐎".repeat(257) },
  }),
  badShot("auth.login: 257 code points", "400 PASSWORD_TOO_LONG", ({ username }) => ({
    path: "auth.login",
    body: { identifier: username, password: "k".repeat(257) },
  })),
  badCall("auth.register: a lone surrogate in the password", refused, "auth.register", {
    body: { username: canary, password: `${password}\ud800` },
  }),
  badCall("auth.login: a lone surrogate in the password", refused, "auth.login", {
    body: { identifier: canary, password: `${password}\udc00` },
  }),
];

/** Inputs that are JSON and not what was asked for. */
export const inputCases: BadInput[] = [
  ...wrongTypeCases,
  ...unknownKeyCases,
  ...topLevelCases,
  ...missingFieldCases,
  ...tokenCases,
  ...hostileTextCases,
  ...passwordCases,
];
