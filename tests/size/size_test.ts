import { assert } from "@std/assert";
import { stop } from "esbuild";
import { sizeGoals } from "./bundle_size.ts";

for (const { name, goalBytes, maxBytes = goalBytes, measure } of sizeGoals) {
  Deno.test(`the client's size: ${name}, at most ${maxBytes / 1_024} KiB gzipped`, async () => {
    const bytes = await measure();
    await stop();
    assert(bytes <= maxBytes, `it has ${bytes} of ${maxBytes} bytes`);
  });
}
