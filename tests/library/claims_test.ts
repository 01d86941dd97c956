import { assertEquals } from "@std/assert";
import { z } from "zod";
import type { OwnClaims } from "@watchword/server";
import { registerUser, startTestApp, type TestApp } from "../kit/app.ts";

const schema = z.object({ tenant: z.string() });

/** An app whose claims are made as `state.make` says. */
function startWithClaims(state: { make: OwnClaims<typeof schema>["make"] }): Promise<TestApp> {
  const claims: OwnClaims<typeof schema> = { schema, make: (user) => state.make(user) };
  return startTestApp({ claims: claims as OwnClaims });
}

Deno.test("claims that take too long are UNAVAILABLE after a second, and the same attempt gets its token then", async () => {
  const state: { make: OwnClaims<typeof schema>["make"] } = { make: () => ({ tenant: "acme" }) };
  await using app = await startWithClaims(state);
  const { tokens } = await registerUser(app);
  const attempt = { refreshToken: tokens.refreshToken, attemptId: "A".repeat(22) };
  state.make = () => new Promise(() => {});
  const slow = await app.call("auth.refresh", { body: attempt });
  assertEquals([slow.status, slow.auth?.reason, slow.headers.get("retry-after")], [503, "UNAVAILABLE", "1"]);
  state.make = () => ({ tenant: "acme" });
  const again = await app.call("auth.refresh", { body: attempt });
  assertEquals([again.status, again.data.generation], [200, 1]);
  const me = await app.call("auth.me", { bearer: again.data.accessToken });
  assertEquals(me.data.claims, { tenant: "acme" });
});
