import { assert } from "@std/assert";
import { fileURLToPath } from "node:url";
import { bundle } from "./bundle_react.ts";

const REACT_MAX_BYTES = 1_200;

async function gzip(text: string): Promise<number> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return (await new Response(stream).bytes()).length;
}

Deno.test("the hooks weigh at most 1.2 KB, gzipped, without React", async () => {
  const text = await bundle({
    entryPoints: [fileURLToPath(import.meta.resolve("../../client/react.ts"))],
    external: ["react"],
    minify: true,
  });
  const bytes = await gzip(text);
  assert(bytes > 100 && bytes <= REACT_MAX_BYTES, `${bytes} bytes`);
});
