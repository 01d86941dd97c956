import { alterSignature, encodePart, flipSpareBit } from "../../kit/jwt.ts";
import { requestHead } from "../../kit/raw_http.ts";
import { type BadInput, badShot, canary } from "./bad_input.ts";

type Rewrite = (token: string) => string;

const part = (at: number, change: Rewrite): Rewrite => (token) =>
  token.split(".").map((text, i) => i === at ? change(text) : text).join(".");

/** `Authorization` values that are no well-formed token after all. */
const invalid: Record<string, Rewrite> = {
  "Bearer and nothing": () => "Bearer",
  "Bearer and a space": () => "Bearer ",
  "a word": () => `Bearer ${canary}`,
  "null": () => "Bearer null",
  "dots": () => "Bearer ..",
  "two tokens": (token) => `Bearer ${token} ${token}`,
  "two tokens and a comma": (token) => `Bearer ${token},${token}`,
  "a comma behind it": (token) => `Bearer ${token},`,
  "a comma and a second scheme": (token) => `Bearer ${token}, Bearer ${token}`,
  "a tab before it": (token) => `Bearer\t${token}`,
  "a space inside": (token) => `Bearer ${token.replace(".", ". ")}`,
  "quotes": (token) => `Bearer "${token}"`,
  "a parameter": (token) => `Bearer token=${token}`,
  "a semicolon": (token) => `Bearer ${token};`,
  "A-014: padding": (token) => `Bearer ${token}=`,
  "A-014: double padding": (token) => `Bearer ${token}==`,
  "A-014: padding of the claims": (token) => `Bearer ${part(1, (text) => `${text}=`)(token)}`,
  "A-015: a spare bit flipped": (token) => `Bearer ${flipSpareBit(token)}`,
  "A-003: another signature": (token) => `Bearer ${alterSignature(token)}`,
  "A-003: claims edited": (token) => `Bearer ${part(1, () => encodePart({ sub: canary, exp: 9e9 }))(token)}`,
  "A-001: alg none": (token) => `Bearer ${part(0, () => encodePart({ alg: "none", typ: "at+jwt" }))(token)}`,
  "A-001: alg none without a signature": (token) =>
    `Bearer ${encodePart({ alg: "none", typ: "at+jwt" })}.${token.split(".")[1]}.`,
  "A-004: no signature": (token) => `Bearer ${part(2, () => "")(token)}`,
  "A-004: two parts": (token) => `Bearer ${token.split(".").slice(0, 2).join(".")}`,
  "A-004: four parts": (token) => `Bearer ${token}.x`,
  "A-004: a dot behind it": (token) => `Bearer ${token}.`,
  "A-010: no kid": (token) => `Bearer ${part(0, () => encodePart({ alg: "Ed25519", typ: "at+jwt" }))(token)}`,
  "A-010: a path as kid": (token) =>
    `Bearer ${part(0, () => encodePart({ alg: "Ed25519", typ: "at+jwt", kid: "../../dev/null" }))(token)}`,
  "A-010: __proto__ as kid": (token) =>
    `Bearer ${part(0, () => encodePart({ alg: "Ed25519", typ: "at+jwt", kid: "__proto__" }))(token)}`,
  "A-019: five thousand characters": () => `Bearer ${"a".repeat(5_000)}.b.c`,
  "plain base64": (token) => `Bearer ${token.replace(".", "+/.")}`,
};

/** `Authorization` values of another scheme, or none. */
const missing: Record<string, Rewrite> = {
  "A-026: Basic": (token) => `Basic ${token}`,
  "Digest": (token) => `Digest username="${canary}", response="${token}"`,
  "DPoP": (token) => `DPoP ${token}`,
  "JWT": (token) => `JWT ${token}`,
  "the bare token": (token) => token,
  "Bearer run together with the token": (token) => `Bearer${token}`,
  "Bearers": (token) => `Bearers ${token}`,
};

const rewritten = (answer: string, rewrites: Record<string, Rewrite>) =>
  Object.entries(rewrites).flatMap(([what, rewrite]) => [
    badShot(`auth.me with ${what}`, answer, ({ tokens }) => ({
      path: "auth.me",
      headers: { authorization: rewrite(tokens.accessToken) },
    })),
    badShot(`auth.logout with ${what}`, answer, ({ tokens }) => ({
      path: "auth.logout",
      body: {},
      headers: { authorization: rewrite(tokens.accessToken) },
    })),
  ]);

const twoHeaders = (first: string, second: string) =>
  requestHead("GET", "/trpc/auth.me").replace(
    "connection: close\r\n",
    `authorization: ${first}\r\nauthorization: ${second}\r\nconnection: close\r\n`,
  );

/** Bearers that open nothing. */
export const bearerCases: BadInput[] = [
  ...rewritten("401 TOKEN_INVALID", invalid),
  ...rewritten("401 TOKEN_MISSING", missing),
  badShot("A-026: two Authorization headers with one token", "401 TOKEN_INVALID", ({ tokens }) => ({
    raw: [twoHeaders(`Bearer ${tokens.accessToken}`, `Bearer ${tokens.accessToken}`)],
  })),
  badShot("A-026: a good header and a bad one", "401 TOKEN_INVALID", ({ tokens }) => ({
    raw: [twoHeaders(`Bearer ${tokens.accessToken}`, `Basic ${canary}`)],
  })),
  badShot("A-024: a refresh token as bearer", "401 TOKEN_INVALID", ({ tokens }) => ({
    path: "auth.me",
    bearer: tokens.refreshToken,
  })),
  badShot("A-024: an access token as refresh token", "401 REFRESH_INVALID", ({ tokens }) => ({
    path: "auth.refresh",
    body: { refreshToken: tokens.accessToken },
  })),
  badShot("a token in a cookie", "401 TOKEN_MISSING", ({ tokens }) => ({
    path: "auth.me",
    headers: {
      cookie: `access_token=${tokens.accessToken}; __Host-watchword_refresh=${tokens.refreshToken}`,
    },
  })),
  badShot("a refresh token in a cookie, without cookie mode", "401 REFRESH_INVALID", ({ tokens }) => ({
    path: "auth.refresh",
    body: {},
    headers: { cookie: `__Host-watchword_refresh=${tokens.refreshToken}` },
  })),
];
