import { dirname, join } from "node:path";

/** A fenced block of a page. */
export interface Block {
  /** The page's file, from the project's folder. */
  page: string;
  line: number;
  language: string;
  /** Why it is not checked; null when it is. */
  ignored: string | null;
  /** The file that it is, as its first line says: `// roles/server.ts`. */
  path: string | null;
  text: string;
}

const fence = /^```(\w+)([^\n]*)\n(.*?)^```$/gms;
const stub = new URL("./expo_secure_store.ts", import.meta.url).pathname;
// Deno knows no page; a browser's file may look at this much of one.
const browser = `interface DomElement extends Element {
  textContent: string | null;
}
declare const document: { getElementById(id: string): DomElement | null };
`;

/** The fenced blocks of a page. */
export function readBlocks(page: string, markdown: string): Block[] {
  return Array.from(markdown.matchAll(fence), ({ 1: language = "", 2: info = "", 3: text = "", index }) => ({
    page,
    line: markdown.slice(0, index).split("\n").length,
    language,
    ignored: /^ ignore\b/.test(info) ? info.replace(/^ ignore:?/, "").trim() : null,
    path: /^\/\/ ([a-z_]+(?:\/[a-z_]+)?\.tsx?)$/m.exec(text.split("\n", 1)[0] ?? "")?.[1] ?? null,
    text,
  }));
}

/** Writes blocks into a folder of their own inside the workspace, where packages are found by their names. */
export async function writeBlocks(
  blocks: readonly Block[],
  edit: (text: string) => string = (text) => text,
): Promise<{ folder: string; files: string[] } & AsyncDisposable> {
  const folder = await Deno.makeTempDir({
    dir: new URL(".", import.meta.url).pathname,
    prefix: ".blocks-",
  });
  const files: string[] = [];
  for (const { page, line, language, path, text } of blocks) {
    const name = path ?? `${page.replaceAll(/\W/g, "_")}_${line}.${language}`;
    const file = join(folder, name);
    const prelude = name.endsWith(".tsx")
      ? "/** @jsxRuntime automatic */\n/** @jsxImportSource react */\n"
      : "";
    const body = edit(text.replace(`"expo-secure-store"`, `"${stub}"`));
    await Deno.mkdir(dirname(file), { recursive: true });
    await Deno.writeTextFile(file, prelude + (/\/browser\.tsx?$/.test(name) ? body + browser : body));
    files.push(file);
  }
  return { folder, files, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}
