import { createRequire } from "node:module";

/** The clients that ours is measured beside, at the versions that the table names. */
export const peers = {
  "@pyncz/trpc-refresh-token-link": "1.0.2",
  "trpc-token-refresh-link": "0.5.3",
  "@supabase/auth-js": "2.109.0",
} as const;

/** A folder with the peers in it. */
interface InstalledPeers extends AsyncDisposable {
  /** Loads an ES module by its path inside `node_modules`. */
  load(path: string): Promise<Record<string, unknown>>;
  /** Loads a CommonJS package by its name. */
  require(name: string): Record<string, unknown>;
}

/** Installs the peers into a folder of their own, so that nobody who works on Watchword has to. */
export async function installPeers(): Promise<InstalledPeers> {
  const folder = await Deno.makeTempDir({ prefix: "watchword-peers-" });
  const dependencies = { ...peers, "@trpc/client": "11.25.2", "@trpc/server": "11.25.2" };
  await Deno.writeTextFile(`${folder}/package.json`, JSON.stringify({ dependencies }));
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["install", "--node-modules-dir=auto", "--no-lock"],
    cwd: folder,
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return {
    load: (path) => import(new URL(`file://${folder}/node_modules/${path}`).href),
    require: createRequire(`${folder}/package.json`),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}
