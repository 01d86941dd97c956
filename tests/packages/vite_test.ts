import { assertEquals } from "@std/assert";
import { makeNpmProject, tarball } from "./npm_project.ts";
import { newestTrpc, versions } from "./versions.ts";

const page =
  `<!doctype html><html lang="en"><title>x</title><script type="module" src="/main.js"></script></html>`;
const main = `
import { createAuthClient } from "@watchword/client";
import { sseSubscriptions } from "@watchword/client/sse";
import { webStore } from "@watchword/client/storage";
globalThis.auth = createAuthClient({ url: "/trpc", storage: webStore(), subscriptions: sseSubscriptions() });
`;

/** A server's modules that Vite would have to leave out, and what only a server needs. */
const serverOnly = /node:|externalized for browser|ZodError|drizzle|timingSafeEqual/;

Deno.test("a Vite build of the client for browsers holds nothing of a server's, and warns of nothing", async () => {
  await using project = await makeNpmProject({
    ...tarball("client"),
    "@trpc/client": newestTrpc,
    "@trpc/server": newestTrpc,
    "vite": versions.vite,
  });
  await project.write("index.html", page);
  await project.write("main.js", main);
  const { code, output } = await project.run("node", ["node_modules/vite/bin/vite.js", "build"]);
  const [script = ""] = /assets\/\S+\.js/.exec(output) ?? [];
  const bundle = await Deno.readTextFile(`${project.path}/dist/${script}`);
  assertEquals([code, /warn/i.test(output), serverOnly.exec(`${output}${bundle}`)?.[0]], [
    0,
    false,
    undefined,
  ], output);
  // It is the client, and not a shell that was shaken empty.
  assertEquals([/auth\.refresh|refresh/.test(bundle), bundle.length > 10_000], [true, true]);
});
