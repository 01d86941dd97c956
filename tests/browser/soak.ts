/**
 * A person's view: two windows of one origin poll, stream and mutate while access tokens end every ten seconds.
 * Nobody may see an error, no mutation may run twice, and each end costs one refresh.
 *
 * ```sh
 * deno task soak [seconds] [folder for screenshots]
 * ```
 *
 * @module
 */
import { print } from "../../server/observe/log.ts";
import { launchChromium, openPage, signIn, waitForStatus } from "./browser.ts";
import { startPageApp } from "./page_app.ts";

const TTL_SECONDS = 10;

/** What was seen. */
export interface SoakReport {
  seconds: number;
  polls: number;
  ticks: number;
  /** How many mutations were sent, and how often their code ran. */
  mutations: number;
  runs: number;
  /** Mutations whose code ran more than once. */
  doubled: number;
  errors: string[];
  refreshRequests: number;
  rotations: number;
  /** How many access tokens ended, at the least and at the most (a lifetime is shortened by up to 5 %). */
  expiries: [number, number];
}

/** Runs it for so many seconds. */
export async function soak(seconds: number, { shots }: { shots?: string } = {}): Promise<SoakReport> {
  await using app = await startPageApp({ accessTokenTtlSeconds: TTL_SECONDS });
  const browser = await launchChromium();
  try {
    const context = await browser.newContext({ viewport: { width: 640, height: 480 } });
    const windows = [await openPage(context, app), await openPage(context, app)];
    const [first, second] = windows;
    if (first === undefined || second === undefined) throw new Error("no window");
    await signIn(first);
    await waitForStatus(second, "authenticated");
    for (const opened of windows) {
      await opened.evaluate(() => Object.assign(globalThis, { stop: page.work() }));
    }
    await first.waitForTimeout(seconds * 1_000);
    if (shots !== undefined) {
      for (const [index, opened] of windows.entries()) {
        await opened.screenshot({ path: `${shots}/window_${index + 1}.png` });
      }
    }
    for (const opened of windows) await opened.evaluate(() => Reflect.get(globalThis, "stop")());
    await first.waitForTimeout(1_000);
    const seen = await Promise.all(
      windows.map((opened) => opened.evaluate(() => ({ ...page.facts, said: page.errors }))),
    );
    const sum = (name: string) => seen.reduce((total, facts) => total + Number(Reflect.get(facts, name)), 0);
    const [session] = await app.database.sql`select generation from sessions`;
    const runs = [...app.seen.adds.values()];
    return {
      seconds,
      polls: sum("polls"),
      ticks: sum("ticks"),
      mutations: sum("mutations"),
      runs: runs.reduce((total, count) => total + count, 0),
      doubled: runs.filter((count) => count > 1).length,
      errors: seen.flatMap(({ said }) => said),
      refreshRequests: app.seen.requests.get("auth.refresh") ?? 0,
      rotations: Number(session?.["generation"]),
      // A token is renewed when half of its life is over.
      expiries: [Math.floor(seconds / TTL_SECONDS), Math.ceil(seconds / (TTL_SECONDS * 0.475)) + 1],
    };
  } finally {
    await browser.close();
  }
}

if (import.meta.main) {
  const [seconds = "300", shots] = Deno.args;
  print(JSON.stringify(await soak(Number(seconds), shots === undefined ? {} : { shots }), null, 2));
  Deno.exit(0);
}
