import { assert, assertEquals, assertRejects } from "@std/assert";
import { createTestDatabase } from "../kit/database.ts";
import { type Bundle, bundleHosts } from "./bundle.ts";
import { callWhileStopping, hostPromises } from "./host_promises.ts";
import { findBun, findNode, startHost } from "./host_process.ts";
import { openSocket, socketPromises } from "./socket_promises.ts";

interface Host {
  file: string;
  /** The program that runs it. */
  command: () => string | Promise<string>;
  /** Where it mounts the handler. */
  mount?: string;
  /** It has a route of its own, which parses JSON in the host's way. */
  echo?: true;
  /**
   * It takes WebSockets too. tRPC's adapter wants those of `ws`, which takes the upgrades of a `node:http` server.
   * Deno.serve, `deno serve` and Bun.serve have sockets of their own kind: there subscriptions go over SSE.
   */
  sockets?: true;
}

const node = () => "node";
const deno = () => Deno.execPath();

const hosts: Record<string, Host> = {
  "Deno.serve": { file: "deno_serve", command: deno },
  "Node's http, oldest Node": { file: "node_http", command: () => findNode("20.19.0"), sockets: true },
  "Node's http, newest Node": { file: "node_http", command: () => findNode("26.10.0"), sockets: true },
  "Node's http, on Deno": { file: "node_http", command: deno, sockets: true },
  "Node's http, on Bun": { file: "node_http", command: findBun, sockets: true },
  Express: { file: "express_app", command: node, mount: "/api", echo: true, sockets: true },
  Fastify: { file: "fastify_app", command: node, echo: true, sockets: true },
  Hono: { file: "hono_app", command: node, echo: true, sockets: true },
  "Bun.serve": { file: "bun_serve", command: findBun },
};

let bundle: Promise<Bundle> | undefined;

/** What a host's program is told to run: Deno the source, the others what was compiled of it. */
async function findArgs({ file, command }: Host): Promise<string[]> {
  if (command === deno) {
    return ["run", "-A", "--no-check", decodeURIComponent(new URL(`${file}.ts`, import.meta.url).pathname)];
  }
  const files = Object.values(hosts).filter((host) => host.command !== deno).map((host) => host.file);
  bundle ??= bundleHosts([...new Set(files)]);
  return [(await bundle).pathOf(file)];
}

Deno.test.afterAll(async () => {
  await (await bundle)?.[Symbol.asyncDispose]();
});

for (const [name, host] of Object.entries(hosts)) {
  Deno.test(`${name}: every promise of the handler is kept`, async (test) => {
    await using database = await createTestDatabase();
    await using running = await startHost({
      command: await host.command(),
      args: await findArgs(host),
      env: { DATABASE_URL: database.url },
    });
    const subject = { base: `${running.origin}${host.mount ?? ""}`, database };
    const promises = { ...(host.sockets ? socketPromises : {}), ...hostPromises };
    for (const [promise, keep] of Object.entries(promises)) await test.step(promise, () => keep(subject));
    if (host.echo) {
      await test.step("its own routes parse bodies as before", async () => {
        const body = JSON.stringify({ text: "hello" });
        const headers = { "content-type": "application/json" };
        const response = await fetch(`${running.origin}/echo`, { method: "POST", headers, body });
        assertEquals(await response.json(), { text: "hello" });
      });
    }
    await test.step("answers what is under way when it is told to stop, and ends", async () => {
      let status: Deno.CommandStatus | undefined;
      const idle = host.sockets ? await openSocket(subject) : null;
      const pieces = await callWhileStopping(subject, async () => status = await running.stop());
      assertEquals(pieces, ["begun", "finished"]);
      if (idle) assertEquals(await idle.closed(), 1001);
      assertEquals([status?.code, status?.signal, running.output().includes("error")], [0, null, false]);
      await assertRejects(() => fetch(`${subject.base}/health/live`));
    });
    assert(!running.output().includes("no client address"), running.output());
  });
}
