import { assert, assertEquals, assertThrows } from "@std/assert";
import { createVerifier } from "@watchword/server/verifier";
import { parseConfig } from "../../server/config.ts";
import { createChangeLog } from "../../server/denylist/change_log.ts";
import { createRevocationFeed } from "../../server/http/revocation_feed.ts";
import { testClock } from "../kit/clock.ts";

const tail = "-c4nary-with-more-than-thirty-two-characters";
const good = [`token${tail}`, `!"#$%&'()*+-./:;<=>?@[\\]^_\`{|}~${tail}`, "x".repeat(32), "x".repeat(4_096)];
const bad = [
  `s\u00e9cret${tail}`,
  `\u043a\u043b\u044e\u0447${tail}`,
  `a b${tail}`,
  ` ${tail}`,
  `a,b${tail}`,
  `a\nX-Injected: yes${tail}`,
  `a\u007f${tail}`,
  `\ud83d\ude00${tail}`,
  "c4nary-that-is-too-short",
  "c4nary".repeat(1_000),
];

const options = { issuer: "https://auth.example.com", audience: "watchword" };
const fetch = () => Promise.reject(new Error("nobody is there"));

/** What each place that is given a feed token says to it; null when it takes it. */
async function askEverybody(token: string): Promise<Record<string, string | null>> {
  const ask = async (take: () => unknown) => {
    try {
      await take();
      return null;
    } catch (error) {
      return Deno.inspect(error);
    }
  };
  const replica = { changes: createChangeLog(), rows: () => [], readAtSeconds: 1, leaseAgeMs: () => 0 };
  return {
    configuration: await ask(() => parseConfig({ REVOCATION_FEED_TOKEN: token }, { mode: "dev" })),
    service: await ask(() =>
      createRevocationFeed({ replica, onTick: () => () => {}, clock: testClock(), token }).close()
    ),
    verifier: await ask(() => createVerifier({ ...options, fetch, revocations: { token } }).close()),
  };
}

Deno.test("a feed token that one side would refuse, each side refuses as it starts, and nobody repeats it", async () => {
  for (const token of good) {
    assertEquals(await askEverybody(token), { configuration: null, service: null, verifier: null });
  }
  for (const token of bad) {
    for (const [place, error] of Object.entries(await askEverybody(token))) {
      assert(error !== null && !error.includes("c4nary"), `${place}: ${error}`);
    }
  }
});

Deno.test("an address that is refused is not repeated: it may hold a password", () => {
  const token = `token${tail}`;
  for (const url of ["https://bob:c4nary@auth.example.com", "http://auth.example.com/?c4nary", "c4nary"]) {
    for (const more of [{ jwksUrl: url }, { revocations: { token, url } }]) {
      const error = assertThrows(() => createVerifier({ ...options, ...more }), TypeError);
      assert(!Deno.inspect(error).includes("c4nary"));
    }
  }
});
