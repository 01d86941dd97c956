import { assert, assertEquals } from "@std/assert";
import { reasons } from "@watchword/shared";
import { limitTable } from "../../server/throttle/limits.ts";
import { makeFolder, startService } from "../kit/service_process.ts";
import { walks } from "../walk/walks.ts";
import { listFiles, projectFolder, readFile } from "./sources.ts";

const readme = await readFile("README.md");
const prose = readme.replaceAll(/^```.*?^```/gms, "");

/** The fenced blocks of a language. */
function blocksOf(language: string): string[] {
  return Array.from(readme.matchAll(/^```(\S+)[^\n]*\n(.*?)^```/gms)).filter(([, name]) => name === language)
    .map(([, , text]) => text ?? "");
}

const advice: Record<(typeof reasons)[keyof typeof reasons]["advice"], RegExp> = {
  "refresh": /^refresh, then send once more$/,
  "sign in": /^sign in again$/,
  "fix input": /^fix the (?:input|request)$/,
  "ask user": /^ask the user/,
  "wait": /^wait, then send again; never sign out$/,
  "report": /^report the request id$/,
};

Deno.test("the README's paths exist", async () => {
  const files = await listFiles();
  const known = new Set([...files, ".env.example", ".ci/run", "node_modules/"]);
  for (const path of files) {
    for (let at = path.indexOf("/"); at > 0; at = path.indexOf("/", at + 1)) known.add(path.slice(0, at + 1));
  }
  const inTests = (path: string) => known.has(`tests/${path}`) || known.has(`server/${path}`);
  const paths = Array.from(
    prose.matchAll(/`(\.?[A-Za-z_][\w.-]*\/(?:[\w./-]*)|[\w.]+\.(?:ts|json))`/g),
    ([, path]) => path ?? "",
  );
  assert(paths.length > 30);
  const packages = /^(?:@|drizzle-|fast-)/;
  assertEquals(paths.filter((path) => !packages.test(path) && !known.has(path) && !inTests(path)), []);
});

Deno.test("the README's error table is the closed list: every reason, its status and what to do", () => {
  const rows = Array.from(readme.matchAll(/^\| `([A-Z_]+)` \| (\d{3}) \| (.+) \|$/gm), (row) => row.slice(1));
  const specs = Object.entries(reasons);
  assertEquals(
    rows.map(([name, status]) => [name, Number(status)]),
    specs.map(([name, spec]) => [name, spec.status]),
  );
  const wrong = specs.filter(([, spec], index) => !advice[spec.advice].test(rows[index]?.[2] ?? ""));
  assertEquals(wrong, []);
});

Deno.test("the README's commands are the tasks, all of them", async () => {
  const { tasks } = JSON.parse(await readFile("deno.json"));
  const listed = Array.from(prose.matchAll(/^\| `deno task ([a-z:-]+)` \|/gm), ([, name]) => name ?? "");
  assertEquals(listed.toSorted(), Object.keys(tasks).toSorted());
});

Deno.test("the README's walks are those that `deno task walk` proves", () => {
  const shown = Array.from(
    readme.matchAll(/^\*\*[^*]+\*\*: (`server\/[^]*?)\n\n/gm),
    ([, hops = ""]) => hops.split(/ →\s/).map((hop) => hop.replaceAll("`", "").trim()),
  );
  assertEquals(shown, Object.values(walks).map(({ hops }) => hops.map(({ file }) => file)));
});

Deno.test("the README's limits are the limits", () => {
  const numbers = Array.from(
    readme.matchAll(/^\| [^|]+ \| (\d+) per (?:(\d+) )?min \|/gm),
    ([, max, minutes]) => ({
      max: Number(max),
      windowSeconds: Number(minutes ?? 1) * 60,
    }),
  );
  assertEquals(numbers, Object.values(limitTable).map(({ max, windowSeconds }) => ({ max, windowSeconds })));
});

Deno.test("the README's packages are the import map's", async () => {
  const { imports } = JSON.parse(await readFile("deno.json"));
  const [, table = ""] = /## Packages\n(.*?)\n## /s.exec(readme) ?? [];
  const listed = Array.from(
    table.matchAll(/^\| (.+?) \| .+ \|$/gm),
    ([, names = ""]) => Array.from(names.matchAll(/`([^`]+)`/g), ([, name]) => name ?? ""),
  ).flat();
  const mapped = Object.values<string>(imports).map((target) =>
    /^npm:(@?[^@]+)@/.exec(target)?.[1] ?? target
  );
  assertEquals(listed.toSorted(), mapped.toSorted());
});

/** Checks what was printed against what the README shows, where `…` stands for anything. */
function assertShown(printed: string, shown: string): void {
  const escape = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const pattern = new RegExp(`^${shown.split("…").map(escape).join(".*")}$`);
  assert(pattern.test(printed), `the README shows\n${shown}\nand it was\n${printed}`);
}

Deno.test("the README's first commands and its client run against `dev`, and answer as shown", async () => {
  await using folder = await makeFolder();
  await using service = await startService({ env: { DATA_DIR: folder.path } });
  const [script = ""] = blocksOf("sh");
  const [answers = ""] = blocksOf("json");
  const here = script.replaceAll("http://127.0.0.1:8000", service.origin).replaceAll("\n", "\necho\n");
  const { stdout } = await new Deno.Command("bash", { args: ["-e", "-c", here] }).output();
  const printed = new TextDecoder().decode(stdout).split("\n").filter((line) => line.startsWith("{"));
  const shown = answers.trim().split("\n");
  assertEquals(printed.length, shown.length);
  for (const [index, line] of printed.entries()) assertShown(line, shown[index] ?? "");

  const client = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-net", `${projectFolder}examples/quickstart/client.ts`, `${service.origin}/trpc`],
    env: { NO_COLOR: "1" },
  }).output();
  assertShown(new TextDecoder().decode(client.stdout).trim(), "ada, signed in by pwd until …");
});

Deno.test("the README's client is the file that was just run", async () => {
  const [client] = blocksOf("ts");
  const file = await readFile("examples/quickstart/client.ts");
  assertEquals(client, file.split("\n").filter((line) => !line.startsWith("// deno-lint-ignore")).join("\n"));
});
