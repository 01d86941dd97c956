import { assert, assertEquals } from "@std/assert";
import { distFolder, makeNpmProject, type NpmProject, tarball } from "./npm_project.ts";
import { newestTrpc, versions } from "./versions.ts";

const INSTANTIATIONS_MAX = 30_000;
const compilers = { oldest: versions.oldestTypescript, newest: versions.newestTypescript };
const typescripts = Object.fromEntries(
  Object.entries(compilers).map(([name, version]) => [`typescript-${name}`, `npm:typescript@${version}`]),
);

const { imports } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
const pinned = (name: string): string => imports[name].replace(`npm:${name}@`, "");

/** Compiles files as a strict app that writes its own types, and checks those of its dependencies unless told not to. */
async function compile(
  project: NpmProject,
  compiler: string,
  { files, skipLibCheck = false }: { files: string[]; skipLibCheck?: boolean },
) {
  await project.write(
    "tsconfig.json",
    JSON.stringify({
      compilerOptions: {
        strict: true,
        skipLibCheck,
        declaration: true,
        outDir: `out-${compiler}`,
        target: "es2022",
        lib: ["es2023", "esnext.disposable", "dom", "dom.iterable", "dom.asynciterable"],
        module: "nodenext",
        jsx: "react-jsx",
        types: ["node"],
      },
      files,
    }),
  );
  const tsc = `node_modules/typescript-${compiler}/bin/tsc`;
  return await project.run("node", [tsc, "--project", ".", "--extendedDiagnostics"]);
}

const errorsIn = (output: string) => output.split("\n").filter((line) => / error TS\d+/.test(` ${line}`));

async function writeConsumer(project: NpmProject, name: string): Promise<string> {
  await project.write(name, await Deno.readTextFile(new URL(`consumers/${name}`, import.meta.url)));
  return name;
}

/** A file that imports the types of every entry of a package. */
async function writeEntries(project: NpmProject, name: string, without: string[] = []): Promise<string> {
  const { exports } = JSON.parse(await Deno.readTextFile(`${distFolder}/${name}/package.json`));
  const entries = Object.keys(exports).filter((key) => !["./package.json", ...without].includes(key));
  const lines = entries.map((key, at) =>
    `export type * as entry${at} from "@watchword/${name}${key.slice(1)}";`
  );
  await project.write(`${name}_entries.ts`, lines.join("\n"));
  return `${name}_entries.ts`;
}

const clientDependencies = {
  ...tarball("client"),
  ...typescripts,
  "@tanstack/react-query": pinned("@tanstack/react-query"),
  "@types/node": versions.nodeTypes,
  "@types/react": pinned("@types/react"),
  "react": pinned("react"),
};

/** Compiles an app on each TypeScript: no error but in declarations that are known to be broken by themselves. */
async function requireCompiles(project: NpmProject, files: string[], broken = "none"): Promise<void> {
  for (const compiler of Object.keys(compilers)) {
    const { output } = await compile(project, compiler, { files });
    const errors = errorsIn(output).filter((line) => !line.startsWith(`node_modules/${broken}/`));
    assertEquals([compiler, errors], [compiler, []]);
  }
}

/** What the app alone costs a compiler, declarations unchecked as in most apps. */
async function requireLight(project: NpmProject, file: string): Promise<void> {
  for (const compiler of Object.keys(compilers)) {
    const { output } = await compile(project, compiler, { files: [file], skipLibCheck: true });
    const instantiations = Number(/Instantiations:\s+(\d+)/.exec(output)?.[1]);
    assert(instantiations <= INSTANTIATIONS_MAX, `${file}, ${compiler}: ${instantiations} instantiations`);
  }
}

Deno.test("an app of the client compiles on the oldest and the newest TypeScript, every declaration checked", async () => {
  await using project = await makeNpmProject({
    ...clientDependencies,
    "@trpc/client": newestTrpc,
    "@trpc/server": newestTrpc,
  });
  const app = await writeConsumer(project, "client_app.ts");
  await requireCompiles(project, [app, await writeEntries(project, "client")]);
  await requireLight(project, app);
});

Deno.test("an app with TanStack Query compiles on the oldest and the newest TypeScript", async () => {
  const tanstackTrpc = pinned("@trpc/tanstack-react-query");
  await using project = await makeNpmProject({
    ...clientDependencies,
    "@trpc/client": tanstackTrpc,
    "@trpc/server": tanstackTrpc,
    "@trpc/tanstack-react-query": tanstackTrpc,
  });
  const app = await writeConsumer(project, "tanstack_app.ts");
  // Its declarations name a package that is not installed, and that no longer has what they name.
  await requireCompiles(project, [app], "@trpc/server");
  await requireLight(project, app);
});

Deno.test("the client has its types with every tRPC that it is promised for", async () => {
  for (const version of versions.trpc.filter((version) => version !== newestTrpc)) {
    await using project = await makeNpmProject({
      ...clientDependencies,
      "@trpc/client": version,
      "@trpc/server": version,
    });
    // Its fake server is made of a server's procedures, and so needs what the server needs.
    const files = [await writeEntries(project, "client", ["./testing"])];
    const { output } = await compile(project, "newest", { files });
    const ours = errorsIn(output).filter((line) => !line.startsWith("node_modules/@trpc/server/"));
    assertEquals([version, ours], [version, []]);
  }
});

Deno.test("an app of the server compiles on the oldest and the newest TypeScript, and can write its own types", async () => {
  await using project = await makeNpmProject({
    ...tarball("server"),
    ...tarball("shared"),
    ...typescripts,
    "@trpc/server": newestTrpc,
    "@types/node": versions.nodeTypes,
    "zod": pinned("zod"),
  });
  const files = [
    await writeConsumer(project, "server_app.ts"),
    await writeEntries(project, "server"),
    await writeEntries(project, "shared"),
  ];
  // Drizzle's own declarations name databases that are not installed, and do not pass the check by themselves.
  await requireCompiles(project, files, "drizzle-orm");
});
