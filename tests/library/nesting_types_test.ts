import { assertEquals } from "@std/assert";
import { type inferRouterInputs, type inferRouterOutputs, initTRPC } from "@trpc/server";
import { type AppTransaction, type Auth, type Context, createAuth, mountAuth } from "@watchword/server";
import { type Equal, type HasAny, prove } from "../types/type_proofs.ts";
import * as schema from "./app_schema.ts";
import type { NestedApp, Tenant } from "./nested_app.ts";

// Compiled and never called. Each directive fails the build as soon as the line below it would compile.
function wrongRoots(auth: Auth) {
  const foreign = initTRPC.context<Tenant>().create();
  // @ts-expect-error -- the auth router would find no `auth` in this root's context
  mountAuth(foreign, auth.router);
  // @ts-expect-error -- and neither would a guard
  foreign.procedure.concat(auth.protectedProcedure);
  const unmounted = foreign.router({ auth: auth.router });
  // @ts-expect-error -- nor when it was nested without mountAuth
  auth.handler(unmounted, { createContext: () => ({ tenant: "acme" }) });

  const t = initTRPC.context<Context & Tenant>().create();
  const nested = t.router({ auth: mountAuth(t, auth.router) });
  // @ts-expect-error -- somebody has to make the tenant
  auth.handler(nested);
  // @ts-expect-error -- and it is no number
  auth.handler(nested, { createContext: () => ({ tenant: 1 }) });
  // @ts-expect-error -- the identity is read only under a root of one's own too
  t.procedure.concat(auth.protectedProcedure).query(({ ctx }) => ctx.auth.userId = "somebody else");

  const described = initTRPC.context<Context>().meta<{ description: string }>().create();
  // @ts-expect-error -- the policy is kept in the meta, so a root with a meta of its own takes `Meta & …`
  described.procedure.concat(auth.protectedProcedure);
}

function rightRoots(auth: Auth) {
  const t = initTRPC.context<Context & Tenant>().create();
  const nested = t.router({ auth: mountAuth(t, auth.router) });
  auth.handler(nested, { createContext: ({ req }) => ({ tenant: req.url }) });
  auth.handler(nested, { createContext: () => Promise.resolve({ tenant: "acme" }) });
  const plain = initTRPC.context<Context>().create();
  auth.handler(plain.router({ auth: mountAuth(plain, auth.router) }));
  auth.handler(auth.trpc.router({ auth: auth.router }));
  return t.procedure.concat(auth.procedure({ auth: "optional" })).query(({ ctx }) => ({
    tenant: ctx.tenant,
    userId: ctx.auth?.userId ?? null,
  }));
}

async function hooks(required: { databaseUrl: string; issuer: string; keyEncryptionSecret: string }) {
  await createAuth({
    ...required,
    schema,
    hooks: {
      async beforeRegister({ user, tx }) {
        const found = await tx.query.profiles.findFirst();
        const proven: Equal<
          typeof found,
          { userId: string; displayName: string; signInCount: number } | undefined
        > = true;
        // @ts-expect-error -- there is no such table
        await tx.query.invoices.findFirst();
        // @ts-expect-error -- a column is missing
        await tx.insert(schema.profiles).values({ userId: user.id });
        return void proven;
      },
      // @ts-expect-error -- what is after the commit has no transaction
      afterLogin: ({ tx }) => tx,
    },
  });
  await createAuth({
    ...required,
    hooks: {
      // @ts-expect-error -- a hook is given no password
      beforeLogin: ({ password }) => password,
      // @ts-expect-error -- and no header
      afterRegister: ({ request }) => void request.authorization,
    },
  });
  // @ts-expect-error -- there is no such hook
  await createAuth({ ...required, hooks: { beforeEverything: () => {} } });
}

Deno.test("a root without auth in its context, a context that is not made and a wrong hook do not compile", () => {
  const proofs = [wrongRoots, rightRoots, hooks];
  assertEquals(proofs.map((proof) => typeof proof), ["function", "function", "function"]);
});

Deno.test("a nested router keeps the types of both roots, and no any", () => {
  type Outputs = inferRouterOutputs<NestedApp>;
  type Inputs = inferRouterInputs<NestedApp>;
  const proven = prove<[
    Equal<Outputs["whoami"], { tenant: string; userId: string; authenticatedAt: Date }>,
    Equal<Inputs["rename"], { at: Date }>,
    Equal<Inputs["auth"]["login"], { identifier: string; password: string }>,
    Equal<HasAny<Inputs["auth"]>, false>,
    Equal<keyof AppTransaction<typeof schema>["query"], "profiles" | "todos">,
  ]>("context", "transformer", "auth", "no any", "the app's tables");
  assertEquals(proven, 5);
});
