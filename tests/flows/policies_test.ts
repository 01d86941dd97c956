import { assertEquals } from "@std/assert";
import { z } from "zod";
import { startTestApp } from "../kit/app.ts";
import type { Auth } from "@watchword/server";
import { registerUser } from "../kit/app.ts";

function createPolicyApp(auth: Auth) {
  const who = (caller: { userId: string } | null) => caller?.userId ?? "nobody";
  const query = (policy: Parameters<Auth["procedure"]>[0]) =>
    auth.procedure(policy).query(({ ctx }) => who(ctx.auth));
  return auth.trpc.router({
    auth: auth.router,
    open: auth.publicProcedure.query(() => "anyone"),
    optional: query({ auth: "optional" }),
    database: query({ auth: "required", revocation: "database" }),
    strict: query({ auth: "required", revocation: "strict" }),
    replica: query({ auth: "required", revocation: "replica" }),
    none: query({ auth: "required", revocation: "none" }),
    recent: query({ auth: "required", maxAgeSeconds: 300 }),
    admin: query({ auth: "required", roles: ["admin"] }),
    strictAdmin: query({ auth: "required", revocation: "strict", roles: ["admin"] }),
  });
}

const start = () => startTestApp({ router: createPolicyApp });

Deno.test("each way of checking revocation refuses a signed-out caller, but `none` by choice", async () => {
  await using app = await start();
  const { tokens: { accessToken: bearer }, user } = await registerUser(app);
  for (const policy of ["optional", "database", "strict", "replica", "none"]) {
    assertEquals((await app.call(policy, { bearer })).data, user.id, policy);
  }
  await app.call("auth.logout", { body: {}, bearer });
  for (const policy of ["optional", "database", "strict", "replica"]) {
    assertEquals((await app.call(policy, { bearer })).auth?.reason, "SESSION_REVOKED", policy);
  }
  assertEquals((await app.call("none", { bearer })).data, user.id);
});

Deno.test("an optional sign-in forgives a missing token and nothing else", async () => {
  await using app = await start();
  assertEquals((await app.call("optional")).data, "nobody");
  assertEquals((await app.call("optional", { bearer: "garbage" })).auth?.reason, "TOKEN_INVALID");
  const { tokens } = await registerUser(app);
  await app.advance(3_600);
  assertEquals((await app.call("optional", { bearer: tokens.accessToken })).auth?.reason, "TOKEN_EXPIRED");
});

Deno.test("a procedure with maxAgeSeconds asks for a step-up, says how recent, and takes the stepped-up token", async () => {
  await using app = await start();
  const { tokens } = await registerUser(app);
  assertEquals((await app.call("recent", { bearer: tokens.accessToken })).status, 200);
  await app.advance(301);
  const refused = await app.call("recent", { bearer: tokens.accessToken });
  assertEquals(refused.status, 403);
  assertEquals(refused.auth, { reason: "STEP_UP_REQUIRED", executed: false, maxAgeSeconds: 300 } as never);
  const refreshed = await app.call("auth.refresh", { body: { refreshToken: tokens.refreshToken } });
  assertEquals(
    (await app.call("recent", { bearer: refreshed.data.accessToken })).auth?.reason,
    "STEP_UP_REQUIRED",
    "a refresh proves nothing about the user",
  );
  const stepped = await app.call("auth.stepUp", {
    body: { password: "correct horse battery" },
    bearer: refreshed.data.accessToken,
  });
  assertEquals((await app.call("recent", { bearer: stepped.data.accessToken })).status, 200);
});

Deno.test("a role that was given or taken counts at once under `strict`, and with the next token elsewhere", async () => {
  await using app = await start();
  const { tokens: { accessToken: bearer, refreshToken }, user } = await registerUser(app);
  assertEquals((await app.call("admin", { bearer })).auth?.reason, "FORBIDDEN");
  await app.database.sql`update users set roles = '{admin}' where id = ${user.id}`;
  assertEquals((await app.call("strictAdmin", { bearer })).status, 200);
  assertEquals((await app.call("admin", { bearer })).auth?.reason, "FORBIDDEN");
  const refreshed = await app.call("auth.refresh", { body: { refreshToken } });
  assertEquals((await app.call("admin", { bearer: refreshed.data.accessToken })).status, 200);
  await app.database.sql`update users set roles = '{}' where id = ${user.id}`;
  assertEquals(
    (await app.call("strictAdmin", { bearer: refreshed.data.accessToken })).auth?.reason,
    "FORBIDDEN",
  );
});

Deno.test("disabling a user counts at once under `strict`", async () => {
  await using app = await start();
  const { tokens: { accessToken: bearer }, user } = await registerUser(app);
  await app.database.sql`update users set disabled_at = now() where id = ${user.id}`;
  assertEquals((await app.call("strict", { bearer })).auth?.reason, "SESSION_REVOKED");
});

Deno.test("the app's own claims are typed, made at every token, and enforced when one is read", async () => {
  const claims = (tier: "free" | "gold") => ({
    schema: z.object({ tier: z.enum(["free", "gold"]) }),
    make: () => ({ tier }),
  });
  const router = (auth: Auth) => auth.trpc.router({ auth: auth.router });
  await using app = await startTestApp({ router, claims: claims("gold") as never });
  const { tokens } = await registerUser(app);
  assertEquals((await app.call("auth.me", { bearer: tokens.accessToken })).data.claims, { tier: "gold" });

  const changed = { schema: z.object({ plan: z.string() }), make: () => ({ plan: "pro" }) };
  const next = await app.startInstance({ claims: changed as never });
  const refused = await next.call("auth.me", { bearer: tokens.accessToken });
  assertEquals(refused.auth?.reason, "TOKEN_INVALID", "a token from before the change is to be refreshed");
  const refreshed = await next.call("auth.refresh", { body: { refreshToken: tokens.refreshToken } });
  const me = await next.call("auth.me", { bearer: refreshed.data.accessToken });
  assertEquals(me.data.claims, { plan: "pro" });
});
