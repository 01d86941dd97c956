import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import {
  createRefreshTokenCodec,
  type GenuineRefreshToken,
  type RefreshTokenCodec,
} from "./refresh_token.ts";

const secret = "test-secret-test-secret-test-secret";
const sessionId = "01890a5d-ac96-774b-bcce-b302099a8057";
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

async function parseGenuine(codec: RefreshTokenCodec, text: string): Promise<GenuineRefreshToken> {
  const parsed = await codec.parse(text);
  if (parsed === null) throw new Error("the codec refuses its own token");
  return parsed;
}

/** Parses many at a time, and counts what is taken for genuine. */
async function countGenuine(codec: RefreshTokenCodec, texts: string[]): Promise<number> {
  return (await Promise.all(texts.map((text) => codec.parse(text)))).filter(Boolean).length;
}

Deno.test("a refresh token is 92 characters of base64url, and says whose it is only to the codec", async () => {
  const codec = await createRefreshTokenCodec(secret);
  const { token, hash } = await codec.mintFirst(sessionId);
  assertMatch(token, /^[A-Za-z0-9_-]{92}$/);
  const parsed = await parseGenuine(codec, token);
  assertEquals([parsed.sessionId, parsed.generation, parsed.secret.length], [sessionId, 0, 32]);
  assertEquals(parsed.hash, hash);
});

Deno.test("what is stored is SHA-256 of the token's text", async () => {
  const codec = await createRefreshTokenCodec(secret);
  const { token, hash } = await codec.mintFirst(sessionId);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token));
  assertEquals(new Uint8Array(hash), new Uint8Array(digest));
});

Deno.test("R-21: no two first tokens of a session are alike", async () => {
  const codec = await createRefreshTokenCodec(secret);
  const tokens = await Promise.all(Array.from({ length: 1_000 }, () => codec.mintFirst(sessionId)));
  assertEquals(new Set(tokens.map(({ token }) => token)).size, 1_000);
});

Deno.test("the successor of a token is the same however often and wherever it is derived", async () => {
  const [codec, other] = [await createRefreshTokenCodec(secret), await createRefreshTokenCodec(secret)];
  const first = await parseGenuine(codec, (await codec.mintFirst(sessionId)).token);
  const successors = await Promise.all([codec, codec, other].map((one) => one.mintNext(first)));
  assertEquals(new Set(successors.map(({ token }) => token)).size, 1);
  const next = await parseGenuine(codec, successors[0]?.token ?? "");
  assertEquals([next.sessionId, next.generation], [sessionId, 1]);
  assertNotEquals(next.secret, first.secret);
});

Deno.test("a chain of tokens never repeats a secret", async () => {
  const codec = await createRefreshTokenCodec(secret);
  const secrets = new Set<string>();
  let text = (await codec.mintFirst(sessionId)).token;
  for (let i = 0; i < 50; i++) {
    const parsed = await parseGenuine(codec, text);
    secrets.add(parsed.secret.join());
    text = (await codec.mintNext(parsed)).token;
  }
  assertEquals(secrets.size, 50);
});

Deno.test("an unknown ratchet key is an error and never another successor", async () => {
  const codec = await createRefreshTokenCodec(secret);
  const first = await parseGenuine(codec, (await codec.mintFirst(sessionId)).token);
  const message = await codec.mintNext(first, 99).then(() => "", (error: Error) => error.message);
  assertMatch(message, /ratchet key/);
});

Deno.test("A-037: changing any one character of a token to any other makes it not genuine", async () => {
  const codec = await createRefreshTokenCodec(secret);
  const { token } = await codec.mintFirst(sessionId);
  for (let at = 0; at < token.length; at++) {
    const altered = [...alphabet].filter((character) => character !== token[at])
      .map((character) => token.slice(0, at) + character + token.slice(at + 1));
    assertEquals([at, await countGenuine(codec, altered)], [at, 0]);
  }
});

Deno.test("A-037: cutting, lengthening, padding or decorating a token makes it not genuine", async () => {
  const codec = await createRefreshTokenCodec(secret);
  const { token } = await codec.mintFirst(sessionId);
  const cuts = Array.from({ length: token.length }, (_, length) => token.slice(0, length));
  const others = ["A", "=", "==", " ", "\n", "\0", ".", "%3D"].flatMap((
    mark,
  ) => [token + mark, mark + token]);
  const plain = token.replaceAll("-", "+").replaceAll("_", "/");
  const spelled = [
    token.toLowerCase(),
    token.toUpperCase(),
    ` ${token} `,
    ...(plain === token ? [] : [plain]),
  ];
  assertEquals(await countGenuine(codec, [...cuts, ...others, ...spelled, token + token]), 0);
});

Deno.test("A-037: version, generation or session id changed under the old tag is not genuine", async () => {
  const codec = await createRefreshTokenCodec(secret);
  const { token } = await codec.mintFirst(sessionId);
  const bytes = Buffer.from(token, "base64url");
  const withByte = (at: number, value: number) => {
    const copy = Buffer.from(bytes);
    copy[at] = value;
    return copy.toString("base64url");
  };
  const forged = [
    withByte(0, 0),
    withByte(0, 2),
    withByte(0, 255),
    withByte(20, 1),
    withByte(1, 0),
    withByte(16, 0),
  ];
  assertEquals(await countGenuine(codec, forged), 0);
});

Deno.test("A-037: the tag of another session's token does not fit", async () => {
  const codec = await createRefreshTokenCodec(secret);
  const [one, other] = await Promise.all([codec.mintFirst(sessionId), codec.mintFirst(crypto.randomUUID())]);
  const body = Buffer.from(one.token, "base64url").subarray(0, 53);
  const tag = Buffer.from(other.token, "base64url").subarray(53);
  assertEquals(await codec.parse(Buffer.concat([body, tag]).toString("base64url")), null);
});

Deno.test("A-044: no text at all is genuine by chance", async () => {
  const codec = await createRefreshTokenCodec(secret);
  const wellFormed = fc.string({ unit: fc.constantFrom(...alphabet), minLength: 92, maxLength: 92 });
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.string({ unit: "binary" }), wellFormed), async (text) => {
      assertEquals(await codec.parse(text), null);
    }),
    { numRuns: 200 },
  );
});

Deno.test("a token of a service with another secret is not genuine", async () => {
  const [ours, theirs] = [await createRefreshTokenCodec(secret), await createRefreshTokenCodec(`${secret}!`)];
  assertEquals(await ours.parse((await theirs.mintFirst(sessionId)).token), null);
});

Deno.test("a generation up to the largest that four bytes hold comes back as it went in", async () => {
  const codec = await createRefreshTokenCodec(secret);
  const first = await parseGenuine(codec, (await codec.mintFirst(sessionId)).token);
  const late = await codec.mintNext({ ...first, generation: 2 ** 32 - 2 });
  assertEquals((await parseGenuine(codec, late.token)).generation, 2 ** 32 - 1);
  assert(late.token.length === 92);
});
