import { assertEquals } from "@std/assert";
import { findServerUrl } from "../kit/database.ts";
import { runDeno } from "../kit/service_process.ts";
import { findMissing, walks } from "./walks.ts";

Deno.test("deno task walk prints the three walks, and every hop of them really ran", async () => {
  const { code, stdout } = await runDeno({
    args: ["run", "-A", "tests/walk/walk.ts"],
    env: { TEST_DATABASE_URL: await findServerUrl() },
  });
  const files = stdout.split("\n").flatMap((line) => /^ {2}\d\. (\S+)/.exec(line)?.[1] ?? []);
  const listed = Object.values(walks).flatMap(({ hops }) => hops.map(({ file }) => file));
  assertEquals({ code, files }, { code: 0, files: listed });
});

Deno.test("a hop that did not run is found, by its file and by its function", () => {
  const walk = {
    title: "a walk",
    hops: [
      { file: "a.ts", runs: "ran", does: "" },
      { file: "a.ts", runs: "did not", does: "" },
      { file: "b.ts", runs: null, does: "" },
    ],
  };
  assertEquals(findMissing(walk, new Map([["a.ts", new Set(["ran"])]])), walk.hops.slice(1));
});
