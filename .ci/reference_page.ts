import ts from "typescript";
import { type Exported, findExports, readEntries, readSource } from "./find_exports.ts";

const VALUE_MAX_CHARACTERS = 40;
const FENCE = "```";
const introduction = `# Reference

Everything that the packages export, by the name that it is imported by. Made by \`deno task docs\` from the doc
comments of the code: change it there.
`;

interface Doc {
  text: string;
  tags: { name: string; text: string }[];
}

const inCode = (text: string) => `\`${text}\``;
const linkToCode = (text: string) => text.replaceAll(/\{@link ([^}]+)\}/g, "`$1`");

/** Reads a doc comment: its text, and its tags. */
function readDoc(node: ts.Node): Doc {
  const comments = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  const comment = comments.at(-1);
  const lines = (comment?.getText() ?? "").replace(/^\/\*\*/, "").replace(/\*\/$/, "").split("\n")
    .map((line) => line.replace(/^\s*\* ?/, ""));
  const parts = lines.join("\n").split(/^(?=@[a-z]+)/m);
  const [text = "", ...tags] = parts;
  // A short comment has its tags in its one line.
  const [, before = "", inline] = /^(.*?)\s(@(?:throws|returns|default)\b.*)$/s.exec(text) ?? [];
  return {
    text: linkToCode((inline ? before : text).trim()),
    tags: (inline ? [inline, ...tags] : tags).flatMap((tag) => {
      const [, name = "", rest = ""] = /^@([a-z]+)\s*(.*)$/s.exec(tag.trim()) ?? [];
      return { name, text: linkToCode(rest.trim()) };
    }),
  };
}

function describeTag({ name, text }: Doc["tags"][number]): string {
  if (name === "example") return text.replace(/^```ts ignore$/m, "```ts ignore: from a doc comment");
  const line = text.replaceAll(/\s*\n\s*/g, " ");
  if (name === "param") return `- ${line.replace(/^(\S+)/, "`$1`:")}`;
  return `- ${name[0]?.toUpperCase()}${name.slice(1)}: ${line}`;
}

const dropExport = (text: string) => text.replace(/^export (?:declare )?/, "").replace(/^async /, "");

/** A declaration as one reads it, without a body. */
function describeDeclaration(node: ts.Declaration): string {
  const source = node.getSourceFile().text;
  if (ts.isFunctionDeclaration(node)) {
    return dropExport(source.slice(node.getStart(), node.body?.getStart() ?? node.getEnd()).trim());
  }
  if (ts.isClassDeclaration(node)) {
    const heritage = node.heritageClauses?.map((clause) => ` ${clause.getText()}`).join("") ?? "";
    const members = node.members.map((member) => {
      const { body } = member as { body?: ts.Node };
      return `  ${source.slice(member.getStart(), body?.getStart() ?? member.getEnd()).trim()}`;
    });
    return `class ${node.name?.text}${heritage} {\n${members.join("\n")}\n}`;
  }
  return dropExport(node.getText());
}

/** What a factory gives, for a type that is only known as its result. */
async function describeResult(node: ts.Declaration): Promise<string> {
  const [, factory] = /^(?:export )?type \w+ = Awaited<ReturnType<typeof (\w+)>>;$/.exec(node.getText()) ??
    [];
  if (factory === undefined) return "";
  const source = await readSource(node.getSourceFile().fileName);
  const made = source.statements.find((one) => ts.isFunctionDeclaration(one) && one.name?.text === factory);
  const last = (made as ts.FunctionDeclaration | undefined)?.body?.statements.findLast(ts.isReturnStatement);
  if (!last?.expression || !ts.isObjectLiteralExpression(last.expression)) return "";
  const members = last.expression.properties.map((property) => {
    const { text, tags } = readDoc(property);
    const words = [text, ...tags.map(({ name, text }) => `${name === "throws" ? "Throws" : name} ${text}`)];
    const said = words.join(" ").replaceAll(/\s+/g, " ").trim();
    return `- ${inCode(property.name?.getText() ?? "")}${said === "" ? "" : `: ${said}`}`;
  });
  return members.join("\n");
}

async function describeExported({ file, declarations }: Exported): Promise<string> {
  const docs = declarations.map(readDoc).filter(({ text, tags }) => text !== "" || tags.length > 0);
  const [doc = { text: "", tags: [] }] = docs;
  const lines = doc.tags.filter(({ name }) => name !== "example").map(describeTag).join("\n");
  const code = `${FENCE}ts ignore: from ${file}\n${
    declarations.map(describeDeclaration).join("\n")
  }\n${FENCE}`;
  const results = await Promise.all(declarations.map(describeResult));
  const examples = doc.tags.filter(({ name }) => name === "example").map(describeTag);
  return [doc.text, lines, code, ...results, ...examples].filter((part) => part !== "").join("\n\n");
}

const isValue = ({ declarations }: Exported) => declarations.some(ts.isVariableDeclaration);

/** A constant or a schema in a line. */
function describeValue({ name, declarations }: Exported): string {
  const [value = "", isType] = [
    declarations.find(ts.isVariableDeclaration)?.initializer?.getText(),
    declarations.some(ts.isTypeAliasDeclaration),
  ];
  const said = declarations.map((one) => readDoc(one).text).find((text) => text !== "");
  const isShort = value.length <= VALUE_MAX_CHARACTERS && !value.includes("\n");
  return [
    `- ${inCode(isShort ? `${name} = ${value}` : name)}`,
    isType ? ", a schema and its type" : "",
    said === undefined ? "" : `: ${said.replaceAll(/\s+/g, " ")}`,
  ].join("");
}

/** What one calls before what one names, each by the alphabet. */
function byKind(a: Exported, b: Exported): number {
  const isCalled = ({ declarations }: Exported) => declarations.some(ts.isFunctionDeclaration);
  return Number(isCalled(b)) - Number(isCalled(a)) || (a.name < b.name ? -1 : 1);
}

/** GitHub's anchor of a heading, of which a page may have several. */
function createAnchors(): (heading: string) => string {
  const seen = new Map<string, number>();
  return (heading) => {
    const slug = heading.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(/\s/g, "-");
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  };
}

async function readModuleDoc(file: string): Promise<string> {
  const [, comment = ""] = /^\/\*\*(.*?)\*\//s.exec((await readSource(file)).text) ?? [];
  if (!comment.includes("@module")) return "";
  return comment.replaceAll(/^\s*\* ?/gm, "").replace(/@module\s*$/, "").trim();
}

/** Builds the page of everything that is exported. */
export async function createReferencePage(): Promise<string> {
  const entries = await readEntries();
  const exported = new Map<string, Exported[]>();
  for (const [name, file] of entries) {
    exported.set(name, (await findExports(file, entries)).toSorted(byKind));
  }
  // Told once: by the first entry of the package that declares it.
  const roomOf = (name: string) => name.split("/")[1] ?? "";
  const owners = new Map<string, string>();
  const keyOf = ({ file, name }: Exported) => `${file} ${name}`;
  for (const isOwn of [true, false]) {
    for (const [entry, all] of exported) {
      for (const one of all) {
        if (isOwn && !one.file.startsWith(`${roomOf(entry)}/`)) continue;
        if (!owners.has(keyOf(one))) owners.set(keyOf(one), entry);
      }
    }
  }
  const anchorOf = createAnchors();
  anchorOf("Reference");
  const anchors = new Map<string, string>();
  for (const [entry, all] of exported) {
    anchors.set(entry, anchorOf(entry));
    for (const one of all) {
      if (owners.get(keyOf(one)) === entry && !isValue(one)) anchors.set(keyOf(one), anchorOf(one.name));
    }
  }

  const contents = Array.from(entries.keys(), (entry) => `- [${entry}](#${anchors.get(entry)})`).join("\n");
  const sections: string[] = [];
  for (const [entry, file] of entries) {
    const all = exported.get(entry) ?? [];
    const own = all.filter((one) => owners.get(keyOf(one)) === entry);
    const told = all.filter((one) => owners.get(keyOf(one)) !== entry);
    const also = told.map((one) =>
      `[${inCode(one.name)}](#${anchors.get(keyOf(one)) ?? anchors.get(owners.get(keyOf(one)) ?? "")})`
    ).join(", ");
    const parts = [`## ${entry}`, await readModuleDoc(file), also === "" ? "" : `Also here: ${also}.`];
    parts.push(own.filter(isValue).map(describeValue).join("\n"));
    for (const one of own.filter((one) => !isValue(one))) {
      parts.push(`### ${one.name}`, await describeExported(one));
    }
    sections.push(parts.filter((part) => part !== "").join("\n\n"));
  }
  return `${introduction}\n${contents}\n\n${sections.join("\n\n")}\n`;
}
