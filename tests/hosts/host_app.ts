import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { type Auth, createAuth, createLog } from "@watchword/server";
import { print } from "../../server/observe/log.ts";

const GATE_POLL_MS = 20;
const OUTLIVE_MS = 300;

/** Procedures that show what a host does with streams, and with a client that leaves. */
function createHostRouter({ trpc, router, publicProcedure, protectedProcedure }: Auth) {
  const worker = crypto.randomUUID();
  const openGates = new Set<string>();
  let leftCount = 0;

  async function passGate(gate: string, signal: AbortSignal | undefined): Promise<void> {
    while (!openGates.has(gate) && !signal?.aborted) await delay(GATE_POLL_MS);
  }

  return trpc.router({
    auth: router,
    worker: publicProcedure.query(() => worker),
    address: publicProcedure.query(({ ctx }) => ctx.auth.request.ip),
    whoami: protectedProcedure.query(({ ctx }) => ctx.auth.userId),
    note: protectedProcedure.input(z.object({ text: z.string() })).mutation(({ input }) => input.text.length),
    openGate: publicProcedure.input(z.string()).mutation(({ input }) => void openGates.add(input)),
    outlive: protectedProcedure.query(async function* () {
      const isStopping = new Promise((resolve) => process.once("SIGTERM", resolve));
      yield "begun";
      await isStopping;
      await delay(OUTLIVE_MS);
      yield "finished";
    }),
    pieces: protectedProcedure.input(z.string()).query(async function* ({ input, signal }) {
      yield "first";
      await passGate(input, signal);
      yield "second";
    }),
    events: protectedProcedure.input(z.string()).subscription(async function* ({ input, signal }) {
      try {
        yield "first";
        await passGate(input, signal);
        yield "second";
        await passGate("never", signal);
      } finally {
        leftCount++;
      }
    }),
    left: publicProcedure.query(() => leftCount),
  });
}

/** The type to give a client of it. */
export type HostRouter = ReturnType<typeof createHostRouter>;

/** The same app for every host. */
export async function createHostApp() {
  const auth = await createAuth({
    databaseUrl: process.env["DATABASE_URL"] ?? "",
    issuer: "http://watchword.test",
    keyEncryptionSecret: "test-secret-test-secret-test-secret",
    allowedOrigins: ["https://app.test"],
    limits: { bodyBytes: 100_000 },
    rateLimits: false,
    log: createLog("warn"),
  });
  const router = createHostRouter(auth);
  return { auth, router, handler: auth.handler(router) };
}

/** Ends the process when it is told to, once what is under way has been answered. */
export function stopOnSignal(auth: Auth, stopListening: () => Promise<unknown>): void {
  process.once("SIGTERM", async () => {
    auth.drain();
    await stopListening();
    await auth.close();
    process.exit(0);
  });
}

/** Tells where it listens. */
export function announce(port: number): void {
  print(`listening on http://127.0.0.1:${port}`);
}
