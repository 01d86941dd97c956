import { assertEquals } from "@std/assert";
import { createChangeLog } from "./change_log.ts";

let made = 0;
const rows = (count: number) =>
  Array.from({ length: count }, () => ({
    sessionId: `session-${made++}`,
    userId: null,
    minEpoch: null,
    expiresAtSeconds: 9e9,
  }));

Deno.test("whoever follows gets every row in its order, or is told to start over, however much comes at a time", () => {
  for (const sizes of [[8_000, 12_000], [10_000, 10_001], [1, 30_000, 1], [9_999, 9_999, 9_999], [25_000]]) {
    const log = createChangeLog();
    const all: unknown[] = [];
    const knownVersions = [0];
    for (const size of sizes) {
      const added = rows(size);
      all.push(...added);
      log.append(added);
      knownVersions.push(log.version);
      for (const known of knownVersions) {
        const since = log.since(known, Infinity);
        if (since !== null) assertEquals(since, all.slice(known), `${sizes} from ${known}`);
      }
      assertEquals(log.since(log.version - Math.min(size, 10_000), Infinity)?.length, Math.min(size, 10_000));
    }
  }
});
