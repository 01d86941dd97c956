import { assert, assertEquals } from "@std/assert";
import { z } from "zod";
import type { AnyTRPCRouter } from "@trpc/server";
import { fetchRequestHandler } from "@trpc/server/adapters/fetch";
import type { Auth } from "@watchword/server";
import { createServiceRouter } from "../../server/service_router.ts";
import { password, startTestApp } from "../kit/app.ts";
import { appOrigin, cookieName, mutations, signInByCookie } from "./browser.ts";
import { attack, type Send } from "./kit.ts";
import { sendRaw } from "./raw_http.ts";
import { readFingerprint } from "./state.ts";

/** An app whose mutations take nothing, or nothing that must be there, and count how often they ran. */
function createNoInputApp(runs: Record<"wipe" | "wipeByAnybody" | "wipeSome", number>) {
  return ({ trpc, router, protectedProcedure, publicProcedure }: Auth) =>
    trpc.router({
      auth: router,
      wipe: protectedProcedure.mutation(() => void runs.wipe++),
      wipeByAnybody: publicProcedure.mutation(() => void runs.wipeByAnybody++),
      wipeSome: publicProcedure.input(z.object({ all: z.boolean().optional() }))
        .mutation(() => void runs.wipeSome++),
    });
}

const runs = { wipe: 0, wipeByAnybody: 0, wipeSome: 0 };

attack(
  "A-100: a cross-site form runs no mutation of an app either, with fields or without",
  async (scene) => {
    const { app, refuses } = scene;
    const { cookie } = await signInByCookie(app, "victim");
    const field = '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n';
    const forms: [type: string, body: string][] = [
      ["multipart/form-data; boundary=x", field],
      ["multipart/form-data; boundary=x", ""],
      ["application/x-www-form-urlencoded", "a=b"],
      ["application/x-www-form-urlencoded", ""],
      ["text/plain", "{}"],
      ["text/plain", ""],
    ];
    const variants = Object.keys(runs).flatMap((name) =>
      forms.map(([type, body]): [string, Send] => [
        `${name}, ${type}, ${body.length} bytes`,
        () =>
          sendRaw(app.origin, {
            method: "POST",
            target: `/trpc/${name}`,
            headers: [
              ["Origin", "https://evil.test"],
              ["Content-Type", type],
              ["Cookie", `${cookieName}=${cookie}`],
            ],
            body,
          }),
      ])
    );
    await refuses(Object.fromEntries(variants), { reason: "BODY_TYPE" });
    assertEquals(runs, { wipe: 0, wipeByAnybody: 0, wipeSome: 0 });
  },
  { allowedOrigins: [appOrigin], router: createNoInputApp(runs) },
);

Deno.test("bytes and forms without an origin are refused where a procedure takes no input", async () => {
  await using app = await startTestApp({ router: createNoInputApp(runs) });
  for (const type of ["application/octet-stream", "multipart/form-data; boundary=x"]) {
    const answer = await app.call("wipeByAnybody", {
      method: "POST",
      rawBody: "x",
      headers: { "content-type": type },
    });
    assertEquals([answer.status, answer.auth?.reason], [415, "BODY_TYPE"]);
  }
  assertEquals(runs.wipeByAnybody, 0);
});

/** Serves a router by tRPC's own adapter, without Watchword's edge. */
function serveByAdapter(auth: Auth, router: AnyTRPCRouter) {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (req) =>
      fetchRequestHandler({
        endpoint: "/trpc",
        req,
        router,
        createContext: ({ resHeaders }) => auth.createContext({ req, resHeaders }),
      }),
  );
  return {
    origin: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

attack(
  "A-102: behind an adapter of the app's own, a foreign origin is refused by every mutation",
  async ({ app }) => {
    await using served = serveByAdapter(app.auth, createServiceRouter(app.auth));
    const { cookie } = await signInByCookie(app, "victim");
    const fingerprint = await readFingerprint(app.database.sql);
    for (const [path, input] of Object.entries(mutations)) {
      const answer = await sendRaw(served.origin, {
        method: "POST",
        target: `/trpc/${path}`,
        headers: [
          ["X-Watchword-Mode", "cookie"],
          ["Origin", "https://evil.test"],
          ["Sec-Fetch-Site", "cross-site"],
          ["Content-Type", "application/json"],
          ["Cookie", `${cookieName}=${cookie}`],
        ],
        body: JSON.stringify(input),
      });
      assertEquals([answer.status, answer.auth?.reason], [403, "CSRF"], path);
      assertEquals(answer.headers.getSetCookie(), []);
    }
    assertEquals(await readFingerprint(app.database.sql), fingerprint);
  },
  { allowedOrigins: [appOrigin] },
);

attack(
  "A-100: behind an adapter of the app's own, a cross-site form finds the cookie ignored",
  async ({ app }) => {
    await using served = serveByAdapter(app.auth, createServiceRouter(app.auth));
    const { cookie } = await signInByCookie(app, "victim");
    const fingerprint = await readFingerprint(app.database.sql);
    for (const path of ["auth.refresh", "auth.logout", "auth.sessions.revoke", "auth.stepUp"]) {
      for (
        const body of [
          "--x--\r\n",
          `--x\r\nContent-Disposition: form-data; name="password"\r\n\r\n${password}\r\n--x--\r\n`,
        ]
      ) {
        const answer = await sendRaw(served.origin, {
          method: "POST",
          target: `/trpc/${path}`,
          headers: [
            ["Origin", "https://evil.test"],
            ["Content-Type", "multipart/form-data; boundary=x"],
            ["Cookie", `${cookieName}=${cookie}`],
          ],
          body,
        });
        assert(answer.status >= 400 && answer.status < 500, `${path}: ${answer.status} ${answer.text}`);
      }
    }
    assertEquals(await readFingerprint(app.database.sql), fingerprint);
  },
  { allowedOrigins: [appOrigin] },
);
