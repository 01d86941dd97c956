/**
 * Lets Node find our packages where they stand, compiled, as it finds them in `node_modules` of an app that
 * installed them: `node --import ./resolve_workspace.ts …`.
 */
import { readFileSync } from "node:fs";
import module from "node:module";
import { transformSync } from "esbuild";

type Next = (specifier: string, context: unknown) => unknown;
interface Hooks {
  resolve(specifier: string, context: unknown, next: Next): unknown;
  load(url: string, context: unknown, next: Next): unknown;
}

// Newer than the types that the suite is checked with.
const { registerHooks } = module as unknown as { registerHooks(hooks: Hooks): void };
const project = new URL("../../", import.meta.url);
const packages = ["shared", "server", "client"];
const folders = packages.map((name) => new URL(`${name}/`, project).href);
const files = new Map<string, string>();
for (const name of packages) {
  const { exports } = JSON.parse(readFileSync(new URL(`${name}/deno.json`, project), "utf8"));
  for (const [key, file] of Object.entries<string>(exports)) {
    files.set(`@watchword/${name}${key.slice(1)}`, new URL(`${name}/${file}`, project).href);
  }
}

registerHooks({
  resolve: (specifier, context, next) => next(files.get(specifier) ?? specifier, context),
  load(url, context, next) {
    if (!folders.some((folder) => url.startsWith(folder))) return next(url, context);
    const { code } = transformSync(readFileSync(new URL(url), "utf8"), { loader: "ts" });
    return { format: "module", source: code, shortCircuit: true };
  },
});
