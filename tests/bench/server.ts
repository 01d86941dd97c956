/** Serves one of the two sides of the benchmark on a free port, and prints its origin. */
import { initTRPC } from "@trpc/server";
import { fetchRequestHandler } from "@trpc/server/adapters/fetch";
import { type Auth, createAuth, createLog } from "@watchword/server";
import { print } from "../../server/observe/log.ts";
import { testSecret } from "../kit/app.ts";

const options = {
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }: Deno.NetAddr) => print(`http://127.0.0.1:${port}`),
};

function createFullRouter({ trpc, router, protectedProcedure, publicProcedure }: Auth) {
  return trpc.router({
    auth: router,
    ping: publicProcedure.query(() => "pong"),
    guarded: protectedProcedure.query(() => "pong"),
  });
}

if (Deno.args[0] === "bare") {
  const t = initTRPC.create();
  const router = t.router({ ping: t.procedure.query(() => "pong") });
  Deno.serve(options, (req) => fetchRequestHandler({ endpoint: "/trpc", req, router }));
} else {
  const auth = await createAuth({
    databaseUrl: Deno.env.get("DATABASE_URL") ?? "",
    issuer: "http://watchword.test",
    keyEncryptionSecret: testSecret,
    log: createLog("error"),
  });
  Deno.serve(options, auth.handler(createFullRouter(auth)));
}
