import { Buffer } from "node:buffer";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { password } from "../kit/app.ts";
import { type Account, meOf, refreshWith, type Scene, startScene } from "../attacks/kit.ts";
import { readFingerprint } from "../attacks/state.ts";

const seed = Number(Deno.env.get("SEED") ?? 7239);
const runs = Number(Deno.env.get("RUNS") ?? (Deno.env.get("LONG") === "1" ? 10_000 : 300));

const tokenCharacters = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/"];

/** One change to a text; `at` and `length` are fractions of it, so that they fit a token of any length. */
type Edit = {
  kind: "replace" | "insert" | "remove" | "repeat" | "swap";
  at: number;
  length: number;
  text: string;
};

const edit: fc.Arbitrary<Edit> = fc.record({
  kind: fc.constantFrom("replace", "insert", "remove", "repeat", "swap"),
  at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  length: fc.double({ min: 0, max: 0.2, noNaN: true }),
  text: fc.array(fc.constantFrom(...tokenCharacters), { minLength: 1, maxLength: 4 }).map((each) =>
    each.join("")
  ),
});

function applyEdit(token: string, { kind, at, length, text }: Edit): string {
  const from = Math.floor(at * token.length);
  const count = 1 + Math.floor(length * token.length);
  const [before, touched, after] = [
    token.slice(0, from),
    token.slice(from, from + count),
    token.slice(from + count),
  ];
  switch (kind) {
    case "replace":
      return before + text + token.slice(from + text.length);
    case "insert":
      return before + text + touched + after;
    case "remove":
      return before + after;
    case "repeat":
      return before + touched + touched + after;
    case "swap":
      return after + touched + before;
  }
}

/** One byte of a base64url text, changed. */
const byteChange = fc.record({
  at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  xor: fc.integer({ min: 1, max: 255 }),
});

function changeByte(text: string, { at, xor }: { at: number; xor: number }): string {
  const bytes = Buffer.from(text, "base64url");
  const index = Math.floor(at * bytes.length);
  bytes[index] = (bytes[index] ?? 0) ^ xor;
  return bytes.toString("base64url");
}

/** Accounts of all kinds: never refreshed, refreshed, signed in twice. */
async function makeAccounts({ app, registerUser }: Scene): Promise<Account[]> {
  const accounts: Account[] = [];
  for (let generations = 0; generations < 4; generations++) {
    const account = await registerUser();
    for (let i = 0; i < generations; i++) {
      account.tokens = (await refreshWith(app, account.tokens.refreshToken)).data;
    }
    accounts.push(account);
    const again = await app.call("auth.login", { body: { identifier: account.username, password } });
    accounts.push({ ...account, tokens: again.data.tokens });
  }
  // Seen once, so that whatever a service remembers of a genuine token is there to be mixed up.
  for (const account of accounts) await meOf(app, account);
  return accounts;
}

interface Property<Alteration> {
  promise: string;
  alteration: fc.Arbitrary<Alteration>;
  alter: (tokens: Account["tokens"], alteration: Alteration, others: Account[]) => string;
  present: (
    scene: Scene,
    altered: string,
  ) => Promise<{ status: number; auth: { reason: string } | undefined }>;
  reason: string;
}

/** Declares a property: whatever is altered in a token, it is refused, and nothing in the database moves. */
function holds<Alteration>({ promise, alteration, alter, present, reason }: Property<Alteration>): void {
  Deno.test(`${promise} (seed ${seed}, ${runs} runs)`, async () => {
    await using scene = await startScene();
    const accounts = await makeAccounts(scene);
    const genuine = new Set(accounts.flatMap(({ tokens }) => [tokens.accessToken, tokens.refreshToken]));
    const { sql } = scene.app.database;
    const fingerprint = await readFingerprint(sql);
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: accounts.length - 1 }), alteration, async (index, change) => {
        const account = accounts[index];
        if (account === undefined) return;
        const altered = alter(account.tokens, change, accounts);
        fc.pre(!genuine.has(altered));
        const answer = await present(scene, altered);
        assertEquals([answer.status, answer.auth?.reason], [401, reason]);
        assertEquals(await readFingerprint(sql), fingerprint);
      }),
      { seed, numRuns: runs },
    );
    for (const { tokens } of accounts) {
      assertEquals((await meOf(scene.app, { tokens })).status, 200);
      assertEquals((await refreshWith(scene.app, tokens.refreshToken)).status, 200);
    }
    assert(accounts.length > 0);
    await scene.assertSpotless();
  });
}

const presentBearer: Property<unknown>["present"] = ({ app }, bearer) => app.call("auth.me", { bearer });
const presentRefresh: Property<unknown>["present"] = ({ app }, refreshToken) =>
  refreshWith(app, refreshToken);

holds({
  promise: "an access token with any characters altered is refused and changes nothing",
  alteration: edit,
  alter: ({ accessToken }, change) => applyEdit(accessToken, change),
  present: presentBearer,
  reason: "TOKEN_INVALID",
});

holds({
  promise: "an access token with any byte of any segment altered is refused and changes nothing",
  alteration: fc.record({ segment: fc.nat({ max: 2 }), change: byteChange }),
  alter: ({ accessToken }, { segment, change }) =>
    accessToken.split(".").map((text, i) => i === segment ? changeByte(text, change) : text).join("."),
  present: presentBearer,
  reason: "TOKEN_INVALID",
});

holds({
  promise: "a refresh token with any characters altered is refused and changes nothing",
  alteration: edit,
  alter: ({ refreshToken }, change) => applyEdit(refreshToken, change),
  present: presentRefresh,
  reason: "REFRESH_INVALID",
});

holds({
  promise: "a refresh token with any byte altered is refused and changes nothing",
  alteration: fc.array(byteChange, { minLength: 1, maxLength: 3 }),
  alter: ({ refreshToken }, changes) => changes.reduce(changeByte, refreshToken),
  present: presentRefresh,
  reason: "REFRESH_INVALID",
});

holds({
  promise: "segments of different access tokens put together are refused and change nothing",
  alteration: fc.record({
    donor: fc.nat({ max: 7 }),
    segments: fc.constantFrom("payload", "signature", "header and signature"),
  }),
  alter: ({ accessToken }, { donor, segments }, others) => {
    const [header, payload, signature] = accessToken.split(".");
    const given = others[donor]?.tokens.accessToken.split(".") ?? [];
    if (segments === "payload") return [header, given[1], signature].join(".");
    if (segments === "signature") return [header, payload, given[2]].join(".");
    return [given[0], payload, given[2]].join(".");
  },
  present: presentBearer,
  reason: "TOKEN_INVALID",
});
