import { assert, assertEquals } from "@std/assert";
import type { Auth } from "@watchword/server";
import { appOrigin, callInCookieMode, signInByCookie } from "./browser.ts";
import { attack } from "./kit.ts";

function createCarelessApp({ trpc, router, protectedProcedure, publicProcedure }: Auth) {
  return trpc.router({
    auth: router,
    mine: protectedProcedure.query(({ ctx }) => ctx.auth),
    mineAgain: protectedProcedure.mutation(({ ctx }) => ctx.auth),
    anybody: publicProcedure.query(({ ctx }) => ({ ...ctx.auth.request })),
  });
}

attack("an app that answers with its whole ctx.auth gives no token away", async ({ app, victim }) => {
  const bearer = victim.tokens.accessToken;
  const answers = [
    await app.call("mine", { bearer }),
    await app.call("mine?batch=1", { bearer }),
    await app.call("mineAgain", { bearer, body: {} }),
    await app.call("anybody", { bearer }),
  ];
  for (const { status, text } of answers) {
    assertEquals(status, 200);
    assert(text.includes("requestId") && !text.includes("Bearer") && !text.includes(bearer), text);
  }
}, { router: createCarelessApp });

attack("an app that answers with its whole ctx.auth in cookie mode gives no cookie away", async ({ app }) => {
  const { accessToken: bearer, cookie } = await signInByCookie(app, "victim");
  const answers = [
    await callInCookieMode(app, "mine?batch=1", { method: "GET", bearer, cookie }),
    await callInCookieMode(app, "mineAgain", { body: {}, bearer, cookie }),
    await callInCookieMode(app, "anybody?batch=1", { method: "GET", cookie }),
  ];
  for (const { status, text } of answers) {
    assertEquals(status, 200);
    assert(text.includes("refreshCookie") && !text.includes(cookie) && !text.includes(bearer), text);
  }
}, { router: createCarelessApp, allowedOrigins: [appOrigin] });
