/**
 * Protected calls of the full service beside public calls of a bare tRPC server on the official fetch adapter.
 * Both run in processes of their own under the same flags; rounds are interleaved, so that a noisy machine is
 * noisy to both. Prints ratios; gates nothing.
 */
import { print } from "../../server/observe/log.ts";
import { createTestDatabase } from "../kit/database.ts";

const ROUNDS = 12;
const CALLS = 4_000;
const CONCURRENCY = 64;

async function startServer(side: "bare" | "full", databaseUrl: string) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", new URL("./server.ts", import.meta.url).pathname, side],
    env: { DATABASE_URL: databaseUrl },
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value = "" } = await reader.read();
  return { origin: value.trim(), stop: () => child.kill("SIGKILL"), done: child.status };
}

async function callMany(url: string, headers: Record<string, string>): Promise<number> {
  let left = CALLS;
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: CONCURRENCY }, async () => {
    while (left-- > 0) {
      const response = await fetch(url, { headers });
      if (response.status !== 200) throw new Error(await response.text());
      await response.body?.cancel();
    }
  }));
  return CALLS / ((performance.now() - startedAt) / 1_000);
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

await using database = await createTestDatabase();
const bare = await startServer("bare", database.url);
const full = await startServer("full", database.url);
try {
  const registered = await fetch(`${full.origin}/trpc/auth.register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ username: "bench", password: "correct horse battery" }),
  });
  const { result } = await registered.json();
  const signedIn = { authorization: `Bearer ${result.data.tokens.accessToken}` };
  const sides = [
    { name: "bare tRPC, public query", url: `${bare.origin}/trpc/ping`, headers: {}, rates: [] as number[] },
    { name: "watchword, public query", url: `${full.origin}/trpc/ping`, headers: {}, rates: [] as number[] },
    {
      name: "watchword, protected",
      url: `${full.origin}/trpc/guarded`,
      headers: signedIn,
      rates: [] as number[],
    },
  ];
  for (const { url, headers } of sides) await callMany(url, headers);
  for (let round = 0; round < ROUNDS; round++) {
    for (const side of sides) side.rates.push(await callMany(side.url, side.headers));
  }
  const base = sides[0]?.rates ?? [];
  for (const { name, rates } of sides) {
    const ratio = median(rates.map((rate, round) => rate / (base[round] ?? NaN)));
    print(`${name.padEnd(26)} ${Math.round(median(rates))} calls/s   ratio ${ratio.toFixed(2)}`);
  }
} finally {
  bare.stop();
  full.stop();
  await Promise.all([bare.done, full.done]);
}
Deno.exit(0);
