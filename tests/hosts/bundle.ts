import { fileURLToPath } from "node:url";
import { build, type Plugin, stop } from "esbuild";

const projectFolder = fileURLToPath(new URL("../..", import.meta.url));

/** Finds our packages by the `exports` of their deno.json, as Deno does. */
async function readWorkspace(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const name of ["shared", "server"]) {
    const { exports } = JSON.parse(await Deno.readTextFile(`${projectFolder}${name}/deno.json`));
    for (const [key, file] of Object.entries<string>(exports)) {
      files.set(`@watchword/${name}${key.slice(1)}`, `${projectFolder}${name}/${file.slice(2)}`);
    }
  }
  return files;
}

/** Hosts as JavaScript in a folder of their own, for runtimes that are not Deno. */
export interface Bundle extends AsyncDisposable {
  pathOf(name: string): string;
}

/** Compiles hosts to what Node 20 reads; packages from outside stay outside. */
export async function bundleHosts(names: string[]): Promise<Bundle> {
  const folder = await Deno.makeTempDir({ prefix: "watchword-hosts-" });
  await Deno.symlink(`${projectFolder}node_modules`, `${folder}/node_modules`);
  // As deep as the library's own files are, which look for it from where they stand.
  await Deno.symlink(`${projectFolder}migrations`, `${folder}/migrations`);
  const workspace = await readWorkspace();
  const ours: Plugin = {
    name: "workspace",
    setup(builder) {
      builder.onResolve({ filter: /^@watchword\// }, ({ path }) => ({ path: workspace.get(path) ?? path }));
    },
  };
  await build({
    entryPoints: names.map((name) => `${projectFolder}tests/hosts/${name}.ts`),
    outdir: `${folder}/server/hosts`,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    plugins: [ours],
  });
  await stop();
  return {
    pathOf: (name) => `${folder}/server/hosts/${name}.mjs`,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}
