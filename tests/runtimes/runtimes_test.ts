import { assertEquals } from "@std/assert";
import { startTestApp } from "../kit/app.ts";
import { createCounterApp, type Runs } from "../kit/counter_app.ts";
import { createEmptyDatabase } from "../kit/database.ts";
import { distFolder, makeNpmProject, type NpmProject, tarball } from "../packages/npm_project.ts";
import { newestTrpc, versions } from "../packages/versions.ts";
import {
  addScript,
  findMachinesNode,
  runScript,
  type Runtime,
  runtimePackages,
  runtimesOf,
} from "./runtimes.ts";

const LONGER_THAN_ACCESS_SECONDS = 660;
const { imports } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
const pinned = (name: string): string => imports[name].replace(`npm:${name}@`, "");

const journeysEnd = {
  registered: "signed_in",
  loggedIn: "signed_in",
  isSameUser: true,
  added: Array.from({ length: 20 }, (_, id) => id),
  isNamed: true,
  refreshes: 1,
  signedOut: "anonymous",
  refused: "TOKEN_MISSING",
  timers: [],
};

const serverJourneysEnd = {
  registered: 200,
  wrong: "INVALID_CREDENTIALS",
  isOwner: true,
  revoked: "SESSION_REVOKED",
};

/** The client's whole life against the running service; each mutation ran once. */
async function requireJourney(project: NpmProject, runtime: Runtime): Promise<void> {
  const runs: Runs = { reads: 0, adds: 0 };
  await using app = await startTestApp({ router: createCounterApp(runs) });
  await using control = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async () => {
    await app.advance(LONGER_THAN_ACCESS_SECONDS);
    return new Response();
  });
  const controlUrl = `http://127.0.0.1:${control.addr.port}`;
  const end = await runScript(project, runtime, ["client_journey", `${app.origin}/trpc`, controlUrl]);
  assertEquals([end, runs.adds], [{ version: runtime.version, ...journeysEnd }, 20]);
}

async function readEntries(name: string): Promise<string[]> {
  const { exports } = JSON.parse(await Deno.readTextFile(`${distFolder}/${name}/package.json`));
  return Object.keys(exports).filter((key) => key !== "./package.json").map((key) =>
    `@watchword/${name}${key.slice(1)}`
  );
}

Deno.test("the packages do the same on the oldest and the newest Node.js, on Bun and on Deno", async (t) => {
  await using project = await makeNpmProject({
    ...tarball("client"),
    ...tarball("server"),
    ...tarball("shared"),
    ...runtimePackages,
    "@trpc/client": newestTrpc,
    "@trpc/server": newestTrpc,
    "@tanstack/react-query": pinned("@tanstack/react-query"),
    "react": pinned("react"),
    "zod": pinned("zod"),
  });
  for (const script of ["client_journey", "bare_import", "server_journey"]) await addScript(project, script);
  const entries = [...await readEntries("client"), ...await readEntries("shared")];

  for (const runtime of runtimesOf(project)) {
    await t.step(
      `C-81: ${runtime.name}: sign in, expire, renew once, sign out, and the process ends by itself`,
      () => requireJourney(project, runtime),
    );

    await t.step(`${runtime.name}: an import leaves no timer or handle and touches no storage`, async () => {
      const found = await runScript(project, runtime, ["bare_import", ...entries]);
      assertEquals([entries.length > 8, found], [true, { touched: [], left: 0, hasExports: true }]);
    });

    await t.step(`${runtime.name}: the server migrates, signs in, guards, revokes and closes`, async () => {
      await using database = await createEmptyDatabase();
      assertEquals(await runScript(project, runtime, ["server_journey", database.url]), serverJourneysEnd);
    });
  }
});

Deno.test("the client does the same with every tRPC that it is promised for", async (t) => {
  for (const version of versions.trpc.filter((version) => version !== newestTrpc)) {
    await t.step(`tRPC ${version}`, async () => {
      await using project = await makeNpmProject({
        ...tarball("client"),
        "@trpc/client": version,
        "@trpc/server": version,
      });
      await addScript(project, "client_journey");
      await requireJourney(project, await findMachinesNode());
    });
  }
});

Deno.test("the oldest zod that the packages are promised for carries the schemas and the server", async () => {
  await using project = await makeNpmProject({
    ...tarball("server"),
    ...tarball("shared"),
    "@trpc/server": "11.22.1",
    "zod": versions.oldestZod,
  });
  await addScript(project, "server_journey");
  await using database = await createEmptyDatabase();
  const end = await runScript(project, await findMachinesNode(), ["server_journey", database.url]);
  assertEquals(end, serverJourneysEnd);
});
