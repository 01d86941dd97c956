import { join } from "node:path";
import type { DenoPackage, Manifest } from "./npm_manifest.ts";

/** The doc comment at the head of a module, without its stars. */
function moduleDoc(text: string): string {
  const [, comment = ""] = /^\/\*\*(.*?)@module/s.exec(text) ?? [];
  return comment.split("\n").map((line) => line.replace(/^\s*\* ?/, "")).join("\n").trim();
}

/** The README of an npm package: what its modules say of themselves, and how to install it. */
export async function createReadme(
  { name, exports }: DenoPackage,
  { manifest, projectFolder }: { manifest: Manifest; projectFolder: string },
): Promise<string> {
  const folder = name.split("/")[1] ?? "";
  const docs: [entry: string, doc: string][] = [];
  for (const [key, file] of Object.entries(exports)) {
    docs.push([join(name, key), moduleDoc(await Deno.readTextFile(join(projectFolder, folder, file)))]);
  }
  const [, main = ""] = docs.find(([entry]) => entry === name) ?? [];
  const optional = Object.keys(manifest["peerDependenciesMeta"] ?? {});
  const peers = Object.keys(manifest.peerDependencies).filter((peer) => !optional.includes(peer));
  return [
    `# ${name}`,
    main,
    "```sh\n" + `npm install ${[name, ...peers].join(" ")}` + "\n```",
    ...(docs.length < 2 ? [] : [
      "| entry | what |\n|---|---|\n" +
      docs.map(([entry, doc]) => `| \`${entry}\` | ${doc.split("\n\n")[0]?.replaceAll("\n", " ")} |`).join(
        "\n",
      ),
    ]),
    "MIT",
  ].join("\n\n") + "\n";
}
