/**
 * Prints the three walks. Each call is made for real, and V8 tells which functions ran during it: a hop that is
 * listed and did not run ends this with exit code 1.
 */
import { Session } from "node:inspector/promises";
import type { Auth } from "@watchword/server";
import { print } from "../../server/observe/log.ts";
import { startEmbeddedPostgres } from "../../server/store/embedded_postgres.ts";
import { password, registerUser, startTestApp } from "../kit/app.ts";
import { findMissing, type Ran, type Walk, walks } from "./walks.ts";

const project = new URL("../../", import.meta.url).href;

/** Runs a call and tells which functions of ours it ran. */
async function trace(call: () => Promise<{ status: number }>): Promise<{ status: number; ran: Ran }> {
  using session = new DisposableStack();
  const inspector = session.adopt(new Session(), (opened) => opened.disconnect());
  inspector.connect();
  await inspector.post("Profiler.enable");
  await inspector.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
  const { status } = await call();
  const { result } = await inspector.post("Profiler.takePreciseCoverage");
  const ours = result.filter(({ url }) => url.startsWith(`${project}server/`));
  const namesOf = (functions: typeof result[number]["functions"]) =>
    functions.filter(({ ranges }) => ranges.some(({ count }) => count > 0)).map(({ functionName }) =>
      functionName
    );
  return {
    status,
    ran: new Map(ours.map(({ url, functions }) => [url.slice(project.length), new Set(namesOf(functions))])),
  };
}

function show(walk: Walk, { status, ran }: { status: number; ran: Ran }): boolean {
  const missing = findMissing(walk, ran);
  print(`\n${walk.title} → ${status}`);
  for (const [index, hop] of walk.hops.entries()) {
    const name = hop.runs ?? "";
    const mark = missing.includes(hop) ? "DID NOT RUN: " : "";
    print(`  ${index + 1}. ${hop.file.padEnd(33)} ${name.padEnd(17)} ${mark}${hop.does}`);
  }
  return missing.length === 0 && status === 200 && walk.hops.length <= 7;
}

const whoamiApp = ({ trpc, router, protectedProcedure }: Auth) =>
  trpc.router({ auth: router, whoami: protectedProcedure.query(({ ctx }) => ctx.auth.userId) });

async function walk(): Promise<boolean> {
  await using app = await startTestApp({ router: whoamiApp });
  const { username, tokens } = await registerUser(app);
  const login = () => app.call("auth.login", { body: { identifier: username, password } });
  const whoami = () => app.call("whoami", { bearer: tokens.accessToken });
  const refresh = () => app.call("auth.refresh", { body: { refreshToken: tokens.refreshToken } });
  const shown = [
    show(walks.login, await trace(login)),
    show(walks.protectedCall, await trace(whoami)),
    show(walks.refresh, await trace(refresh)),
  ];
  return shown.every(Boolean);
}

async function onThrowawayDatabase<T>(run: () => Promise<T>): Promise<T> {
  if (Deno.env.get("TEST_DATABASE_URL")) return await run();
  await using undo = new AsyncDisposableStack();
  const dataDir = undo.adopt(
    await Deno.makeTempDir({ prefix: "watchword-walk-" }),
    (path) => Deno.remove(path, { recursive: true }),
  );
  const server = undo.adopt(
    await startEmbeddedPostgres({ dataDir, isThrowaway: true }),
    (started) => started.stop(),
  );
  Deno.env.set("TEST_DATABASE_URL", server.databaseUrl);
  return await run();
}

Deno.exit(await onThrowawayDatabase(walk) ? 0 : 1);
