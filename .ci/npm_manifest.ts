/** A package's `deno.json`. */
export interface DenoPackage {
  name: string;
  version: string;
  license: string;
  /** Entry → source file. */
  exports: Record<string, string>;
}

/** What npm is told of a package. */
export interface Manifest {
  name: string;
  version: string;
  exports: Record<string, unknown>;
  dependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
  [field: string]: unknown;
}

// What an app has by itself: two copies of it would not know each other. The lowest version is one that
// tests/packages installs.
const peers: Readonly<Record<string, string>> = {
  "@trpc/client": "^11.18.0",
  "@trpc/server": "^11.18.0",
  "@tanstack/react-query": "^5.0.0",
  "@trpc/tanstack-react-query": "^11.18.0",
  "react": ">=18.0.0",
  "zod": "^4.0.0",
};
/** Only of entries of their own: an app without them need not have them. */
const optionalPeers: Readonly<Record<string, readonly string[]>> = {
  "@watchword/client": ["@tanstack/react-query", "@trpc/tanstack-react-query", "react"],
  "@watchword/shared": ["@trpc/server"],
};
// The server shapes errors with `procedure.errors()`, which came with it.
const serverPeers: Readonly<Record<string, string>> = { "@trpc/server": "^11.22.1" };

const descriptions: Readonly<Record<string, string>> = {
  "@watchword/server":
    "Typed authentication for tRPC: the auth router, guarded procedures and the service, on PostgreSQL",
  "@watchword/client":
    "The typed client of Watchword: keeps tokens, renews them, and never runs a mutation twice",
  "@watchword/shared": "What the server and the clients of Watchword agree on: schemas, reasons and limits",
};

const toJs = (file: string) => file.replace(/\.tsx?$/, "");

/** `npm:zod@4.6.7/mini` → `^4.6.7`. */
function rangeOf(name: string, imports: Record<string, string>): string {
  const version = /^npm:@?[^@]+@([^/]+)/.exec(imports[name] ?? "")?.[1];
  if (version === undefined) throw new Error(`${name} is not in the import map`);
  return `^${version}`;
}

/** Makes the `package.json` of what was compiled into `folder`. */
export function createManifest(
  { name, version, license, exports }: DenoPackage,
  { imports, imported, folder }: { imports: Record<string, string>; imported: Set<string>; folder: string },
): Manifest {
  const needed = [...imported].toSorted();
  const peerRanges = name === "@watchword/server" ? { ...peers, ...serverPeers } : peers;
  const peerNames = needed.filter((needed) => Object.hasOwn(peers, needed));
  const optional = peerNames.filter((peer) => optionalPeers[name]?.includes(peer));
  const isServer = name === "@watchword/server";
  return {
    name,
    version,
    description: descriptions[name] ?? "",
    keywords: ["trpc", "auth", "authentication", "jwt", "refresh-token", "session", "typescript"],
    license,
    type: "module",
    sideEffects: false,
    engines: { node: ">=20" },
    files: [...new Set([folder, "shared", "types"]), ...(isServer ? ["migrations"] : [])],
    exports: {
      ...Object.fromEntries(
        Object.entries(exports).map(([key, file]) => {
          const path = `./${folder}/${toJs(file.replace(/^\.\//, ""))}`;
          return [key, { types: `${path}.d.ts`, default: `${path}.js` }];
        }),
      ),
      "./package.json": "./package.json",
    },
    dependencies: Object.fromEntries(
      needed.filter((needed) => !peerNames.includes(needed)).map((
        needed,
      ) => [needed, rangeOf(needed, imports)]),
    ),
    peerDependencies: Object.fromEntries(peerNames.map((peer) => [peer, peerRanges[peer] ?? ""])),
    ...(optional.length === 0
      ? {}
      : { peerDependenciesMeta: Object.fromEntries(optional.map((peer) => [peer, { optional: true }])) }),
  };
}
