import type { Auth, AuthOptions } from "@watchword/server";
export { eventually, pause } from "../kit/eventually.ts";
import { type RawAnswer, startTestApp, type TestApp } from "../kit/app.ts";
import { pause } from "../kit/eventually.ts";
import { startTcpProxy, type TcpProxy } from "../kit/tcp_proxy.ts";

/** What became of the streams that a probe has opened. */
export interface StreamLog {
  finallyCount: number;
}

/** A router whose own procedures ask nothing of the database, so that what is seen is the guard alone. */
export const createProbeRouter = (streams: StreamLog = { finallyCount: 0 }) => (auth: Auth) => {
  const { trpc, router, protectedProcedure, procedure } = auth;
  return trpc.router({
    auth: router,
    read: protectedProcedure.query(({ ctx }) => ctx.auth.userId),
    readReplica: procedure({ auth: "required", revocation: "replica" }).query(({ ctx }) => ctx.auth.userId),
    readStrict: procedure({ auth: "required", revocation: "strict" }).query(({ ctx }) => ctx.auth.userId),
    ticks: protectedProcedure.subscription(async function* () {
      try {
        for (let tick = 0;; tick++) {
          yield tick;
          await pause(50);
        }
      } finally {
        streams.finallyCount++;
      }
    }),
  });
};

/** An instance with an undisturbed way to the database, and one behind a proxy. */
export interface SplitApp extends AsyncDisposable {
  near: TestApp;
  far: TestApp;
  proxy: TcpProxy;
}

/** Starts both on one database; `options` are for both, `far` for the one behind the proxy. */
export async function startSplitApp(
  { far = {}, ...options }: Partial<AuthOptions> & { far?: Partial<AuthOptions> } = {},
): Promise<SplitApp> {
  const near = await startTestApp({ router: createProbeRouter(), ...options });
  const proxy = await startTcpProxy(near.database.url);
  return {
    near,
    proxy,
    far: await near.startInstance({ databaseUrl: proxy.url, ...far }),
    async [Symbol.asyncDispose]() {
      await proxy.set("pass");
      await near[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

/** What an answer says about an outage: `503 UNAVAILABLE, told when to come back`, or what it is instead. */
export function describe({ status, auth, headers }: RawAnswer): string {
  const reason = auth === undefined ? String(status) : `${status} ${auth.reason}`;
  const wait = Number(headers.get("retry-after"));
  return status === 503 && wait >= 1 && wait <= 60 ? `${reason}, told when to come back` : reason;
}

export const unavailable = "503 UNAVAILABLE, told when to come back";

/** How often each description came. */
export function tally(answers: readonly RawAnswer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const answer of answers) counts[describe(answer)] = (counts[describe(answer)] ?? 0) + 1;
  return counts;
}
