import { tracked, TRPCError } from "@trpc/server";
import { applyWSSHandler } from "@trpc/server/adapters/ws";
import type { Auth } from "@watchword/server";
// @ts-types="@types/ws"
import { type WebSocket as ServerSocket, WebSocketServer } from "ws";
import { z } from "zod";
import { startTestApp, type TestApp, type TestAppOptions } from "./app.ts";
import { decodeToken } from "./jwt.ts";

/** What a stream app counts, and what it is told. */
export interface StreamFacts {
  /** The number of the newest event of the feed. */
  newest: number;
  /** How often each procedure began. */
  runs: Record<"feed" | "admin" | "broken" | "slow", number>;
  /** The slow mutation answers when this settles. */
  gate: Promise<void>;
}

const Resume = z.object({ lastEventId: z.string().optional() }).optional();
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function createStreamRouter(
  { trpc, router, protectedProcedure, publicProcedure, procedure }: Auth,
  facts: StreamFacts,
) {
  /** Every event since the one that the client had last. */
  async function* follow(lastEventId: string | undefined, signal: AbortSignal | undefined) {
    let at = lastEventId === undefined ? facts.newest : Number(lastEventId);
    while (!signal?.aborted) {
      while (at < facts.newest) yield tracked(String(++at), at);
      await pause(5);
    }
  }
  return trpc.router({
    auth: router,
    whoami: publicProcedure.query(({ ctx: { auth: { request } } }) => ({
      ip: request.ip,
      userAgent: request.userAgent,
    })),
    read: protectedProcedure.query(({ ctx }) => ctx.auth.userId),
    slow: protectedProcedure.input(z.object({ id: z.int() })).mutation(async ({ input }) => {
      facts.runs.slow++;
      await facts.gate;
      return input.id;
    }),
    feed: protectedProcedure.input(Resume).subscription(async function* ({ input, signal }) {
      facts.runs.feed++;
      yield* follow(input?.lastEventId, signal);
    }),
    news: publicProcedure.input(Resume).subscription(async function* ({ input, signal }) {
      yield* follow(input?.lastEventId, signal);
    }),
    admin: procedure({ auth: "required", roles: ["admin"] }).subscription(async function* () {
      facts.runs.admin++;
      yield await Promise.resolve(1);
    }),
    broken: protectedProcedure.query(async function* () {
      facts.runs.broken++;
      yield 1;
      await pause(5);
      yield 2;
      throw new TRPCError({ code: "UNAUTHORIZED" });
    }),
  });
}

/** The type to give a client of it. */
export type StreamRouter = ReturnType<typeof createStreamRouter>;

/** A running service with streams, over HTTP and over WebSocket. */
export interface StreamApp extends TestApp {
  facts: StreamFacts;
  /** `ws://127.0.0.1:PORT` */
  wsUrl: string;
  /** Every socket so far, open or not, and how each was closed. */
  sockets: { socket: ServerSocket; closeCode: number | null }[];
}

/** Starts it; a new event comes every 10 ms. */
export async function startStreamApp(options: TestAppOptions = {}): Promise<StreamApp> {
  const facts: StreamFacts = {
    newest: 0,
    runs: { feed: 0, admin: 0, broken: 0, slow: 0 },
    gate: Promise.resolve(),
  };
  let router: StreamRouter | undefined;
  const app = await startTestApp({ ...options, router: (auth) => router = createStreamRouter(auth, facts) });
  const beat = setInterval(() => facts.newest++, 10);
  const wss = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await new Promise((resolve) => wss.once("listening", resolve));
  const sockets: StreamApp["sockets"] = [];
  wss.on("connection", (socket) => {
    const one = { socket, closeCode: null as number | null };
    sockets.push(one);
    socket.once("close", (code) => one.closeCode = code);
  });
  if (router === undefined) throw new Error("the app has no router");
  applyWSSHandler({ wss, router, createContext: app.auth.createWsContext });
  return {
    ...app,
    facts,
    sockets,
    wsUrl: `ws://127.0.0.1:${(wss.address() as { port: number }).port}`,
    async [Symbol.asyncDispose]() {
      clearInterval(beat);
      for (const { socket } of sockets) socket.terminate();
      await new Promise((resolve) => wss.close(resolve));
      await app[Symbol.asyncDispose]();
    },
  };
}

/** Moves the clocks to so many seconds before a token's end, which is not the same for all tokens. */
export async function advanceToEnd(
  app: TestApp,
  accessToken: string | null,
  leftSeconds: number,
): Promise<void> {
  const endsAt = Number(decodeToken(accessToken ?? "").claims["exp"]);
  await app.advance(endsAt - app.clock.now().getTime() / 1_000 - leftSeconds);
}

/** Asserts nothing by itself: the events that are missing, and those that came twice or out of order. */
export function findFaults(events: readonly number[]): { gaps: number[]; repeats: number[] } {
  const steps = events.slice(1).map((event, index) => ({ event, step: event - (events[index] ?? 0) }));
  return {
    gaps: steps.filter(({ step }) => step > 1).map(({ event }) => event),
    repeats: steps.filter(({ step }) => step < 1).map(({ event }) => event),
  };
}
