import { assert, assertEquals } from "@std/assert";
import type { Auth } from "@watchword/server";
import { attack } from "./kit.ts";

function createCarelessApp({ trpc, router, protectedProcedure, publicProcedure }: Auth) {
  return trpc.router({
    auth: router,
    mine: protectedProcedure.query(({ ctx }) => ctx.auth),
    anybody: publicProcedure.query(({ ctx }) => ({ ...ctx.auth.request })),
  });
}

attack("an app that answers with its whole ctx.auth gives no token away", async ({ app, victim }) => {
  const bearer = victim.tokens.accessToken;
  for (const path of ["mine", "anybody"]) {
    const { status, text } = await app.call(path, { bearer });
    assertEquals(status, 200);
    assert(text.includes("requestId") && !text.includes("Bearer") && !text.includes(bearer), text);
  }
}, { router: createCarelessApp });
