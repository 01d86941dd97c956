import { build } from "esbuild";
import { z } from "zod";
import { type Auth, createAuth, createLog } from "@watchword/server";
import { noticeClock, testClock } from "../kit/clock.ts";
import { createTestDatabase, type TestDatabase } from "../kit/database.ts";
import { testSecret } from "../kit/app.ts";

/** What the service saw. */
export interface Seen {
  /** How often each procedure was asked for. */
  requests: Map<string, number>;
  /** How often the mutation ran, by the id that its caller made. */
  adds: Map<string, number>;
}

/** A service with a page, on one origin. */
export interface PageApp extends AsyncDisposable {
  origin: string;
  database: TestDatabase;
  seen: Seen;
  /** Moves the clocks of service and database: tokens end, and the pages do not know. */
  advance(seconds: number): Promise<void>;
}

function createPageRouter({ trpc, router, protectedProcedure }: Auth, { adds }: Seen) {
  return trpc.router({
    auth: router,
    read: protectedProcedure.query(({ ctx }) => ctx.auth.userId),
    add: protectedProcedure.input(z.object({ id: z.string().max(64) })).mutation(({ input }) => {
      adds.set(input.id, (adds.get(input.id) ?? 0) + 1);
      return input.id;
    }),
    ticks: protectedProcedure.subscription(async function* ({ signal }) {
      for (let tick = 0; !signal?.aborted; tick++) {
        yield tick;
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }),
  });
}

/** The router of the page, for its client. */
export type PageRouter = ReturnType<typeof createPageRouter>;

async function bundle(entry: string): Promise<string> {
  const shared = new URL("../../shared/", import.meta.url).pathname;
  const client = new URL("../../client/", import.meta.url).pathname;
  const { outputFiles: [file] } = await build({
    entryPoints: [new URL(`./page/${entry}`, import.meta.url).pathname],
    bundle: true,
    write: false,
    format: "esm",
    plugins: [{
      name: "workspace",
      setup({ onResolve }) {
        onResolve({ filter: /^@watchword\/shared/ }, ({ path }) => ({
          path: `${shared}${path.split("/")[2] ?? "mod"}.ts`,
        }));
        onResolve({ filter: /^@watchword\/client/ }, ({ path }) => ({
          path: client + ({
            "@watchword/client": "mod.ts",
            "@watchword/client/sse": "sse.ts",
            "@watchword/client/storage": "storage.ts",
            "@watchword/client/storage/indexeddb": "stores/indexeddb_store.ts",
          }[path] ?? "unknown"),
        }));
      },
    }],
  });
  if (file === undefined) throw new Error(`nothing was made of ${entry}`);
  return file.text;
}

const page = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Watchword</title>
<link rel="icon" href="data:,">
<style>
  body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 32rem; color: #1b1f24; background: #fff; }
  dl { display: grid; grid-template-columns: 12rem 1fr; gap: .25rem 1rem; }
  dt { color: #59636e; } dd { margin: 0; font-variant-numeric: tabular-nums; }
  #errors:not(:empty) { color: #b3261e; white-space: pre-wrap; }
</style>
<h1>Signed in, always</h1><dl id="facts"></dl><p id="errors"></p><script type="module" src="/page.js"></script></html>`;

/** Starts it. With `accessTokenTtlSeconds` tokens end by themselves, in real time. */
export async function startPageApp(options: { accessTokenTtlSeconds?: number } = {}): Promise<PageApp> {
  const database = await createTestDatabase();
  const clock = testClock();
  const seen: Seen = { requests: new Map(), adds: new Map() };
  const auth = await createAuth({
    databaseUrl: database.url,
    issuer: "http://watchword.test",
    keyEncryptionSecret: testSecret,
    clock,
    log: createLog("error", () => {}),
    ...options,
  });
  const handle = auth.handler(createPageRouter(auth, seen));
  const scripts = new Map<string, string>();
  for (const name of ["page", "worker"]) scripts.set(`/${name}.js`, await bundle(`${name}.ts`));
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request, info) => {
    const { pathname } = new URL(request.url);
    const script = scripts.get(pathname);
    if (script !== undefined) return new Response(script, { headers: { "content-type": "text/javascript" } });
    if (pathname === "/health/ready") return handle(request, info);
    if (!pathname.startsWith("/trpc/")) {
      return new Response(page, { headers: { "content-type": "text/html" } });
    }
    for (const name of pathname.slice("/trpc/".length).split(",")) {
      seen.requests.set(name, (seen.requests.get(name) ?? 0) + 1);
    }
    return handle(request, info);
  });
  const origin = `http://127.0.0.1:${server.addr.port}`;
  return {
    origin,
    database,
    seen,
    async advance(seconds) {
      clock.shiftMs += seconds * 1_000;
      await database.shiftClock(clock.shiftMs);
      await noticeClock(origin);
    },
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      await auth.close();
      await database[Symbol.asyncDispose]();
    },
  };
}
