import { dirname, join } from "node:path";
import ts from "typescript";

/** What an entry exports under one name: a schema and its type share one. */
export interface Exported {
  name: string;
  /** The file that declares it, from the project's folder. */
  file: string;
  declarations: ts.Declaration[];
}

export const projectFolder = decodeURIComponent(new URL("..", import.meta.url).pathname);
const packages = ["client", "server", "shared"];
const sources = new Map<string, ts.SourceFile>();

/** Parses a file of the project. */
export async function readSource(file: string): Promise<ts.SourceFile> {
  const known = sources.get(file);
  if (known) return known;
  const text = await Deno.readTextFile(join(projectFolder, file));
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  sources.set(file, source);
  return source;
}

/** The entries of the packages: the name that they are imported by, and their file. */
export async function readEntries(): Promise<Map<string, string>> {
  const entries = new Map<string, string>();
  for (const name of packages) {
    const { exports } = JSON.parse(await Deno.readTextFile(join(projectFolder, name, "deno.json"))) as {
      exports: Record<string, string>;
    };
    for (const [key, file] of Object.entries(exports)) {
      entries.set(join("@watchword", name, key), join(name, file));
    }
  }
  return entries;
}

function findDeclarations(source: ts.SourceFile): Map<string, ts.Declaration[]> {
  const found = new Map<string, ts.Declaration[]>();
  for (const statement of source.statements) {
    const declarations: readonly ts.Node[] = ts.isVariableStatement(statement)
      ? statement.declarationList.declarations
      : [statement];
    for (const declaration of declarations) {
      const { name } = declaration as ts.NamedDeclaration;
      if (!name || !ts.isIdentifier(name)) continue;
      found.set(name.text, [...found.get(name.text) ?? [], declaration as ts.Declaration]);
    }
  }
  return found;
}

function isExported(declaration: ts.Declaration): boolean {
  return (ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Export) !== 0;
}

/** What a file exports, whatever file declares it, in the order of the file. */
export async function findExports(file: string, entries: Map<string, string>): Promise<Exported[]> {
  const source = await readSource(file);
  const declared = findDeclarations(source);
  const found: Exported[] = [];
  for (const [name, declarations] of declared) {
    if (declarations.some(isExported)) found.push({ name, file, declarations });
  }
  for (const statement of source.statements) {
    if (!ts.isExportDeclaration(statement) || !statement.moduleSpecifier) continue;
    const specifier = (statement.moduleSpecifier as ts.StringLiteral).text;
    const target = specifier.startsWith(".") ? join(dirname(file), specifier) : entries.get(specifier);
    if (target === undefined) throw new Error(`${file}: ${specifier} is no entry of the workspace`);
    const theirs = await findExports(target, entries);
    const { exportClause } = statement;
    if (exportClause === undefined) found.push(...theirs);
    else if (ts.isNamedExports(exportClause)) {
      for (const { name } of exportClause.elements) {
        const one = theirs.find((exported) => exported.name === name.text);
        if (one === undefined) throw new Error(`${target} does not export ${name.text}`);
        found.push(one);
      }
    }
  }
  return found;
}
