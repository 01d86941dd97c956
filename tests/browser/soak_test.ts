import { assert, assertEquals } from "@std/assert";
import { soak } from "./soak.ts";

Deno.test({
  name: "two busy windows whose tokens end every ten seconds see no error, and no mutation runs twice",
  // The driver's socket outlives a test.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    const report = await soak(25);
    assertEquals([report.errors, report.doubled], [[], 0]);
    assertEquals(report.runs, report.mutations);
    // What one page has just stored may reach another one a moment after the lock did: that is a replay, at most.
    assert(report.refreshRequests < 2 * report.rotations, JSON.stringify(report));
    const [least, most] = report.expiries;
    assert(report.rotations >= least && report.rotations <= most, JSON.stringify(report));
    assert(report.ticks > 20 && report.polls > 50, JSON.stringify(report));
  },
});
