import { assertEquals } from "@std/assert";
import type { inferRouterInputs, inferRouterOutputs } from "@trpc/server";
import type { AuthClient } from "@watchword/client";
import type { Auth, createAuth, Identity } from "@watchword/server";
import { z } from "zod";
import { type Equal, type HasAny, type IsAny, prove } from "./type_proofs.ts";

const AppClaims = z.object({ tenant: z.string(), seats: z.int().optional() });
type AuthWithClaims = Awaited<ReturnType<typeof createAuth<typeof AppClaims>>>;

// An app's own router, as a reader of the README would write it. Compiled and never called.
function createShop({ trpc, router, publicProcedure, protectedProcedure, procedure }: Auth) {
  return trpc.router({
    auth: router,
    open: publicProcedure.query(() => "anyone" as const),
    whole: protectedProcedure.query(({ ctx }) => ctx.auth),
    who: protectedProcedure.query(({ ctx: { auth } }) => ({
      userId: auth.userId,
      sessionId: auth.sessionId,
      roles: [...auth.roles],
      signedInYear: auth.authenticatedAt.getFullYear(),
      amr: [...auth.amr],
    })),
    perhaps: procedure({ auth: "optional" }).query(({ ctx }) => ctx.auth?.userId ?? null),
    strict: procedure({ auth: "required", revocation: "strict", maxAgeSeconds: 60, roles: ["admin"] })
      .input(z.strictObject({ id: z.int() }))
      .mutation(({ ctx, input }) => ({ by: ctx.auth.userId, id: input.id })),
  });
}

function createClaimsShop({ trpc, router, protectedProcedure }: AuthWithClaims) {
  return trpc.router({
    auth: router,
    tenant: protectedProcedure.query(({ ctx }) => ctx.auth.claims),
  });
}

type Shop = ReturnType<typeof createShop>;
type Outputs = inferRouterOutputs<Shop>;
type Inputs = inferRouterInputs<Shop>;

Deno.test("ctx.auth of a protected procedure is the caller, each member typed", () => {
  const proven = prove<[
    Equal<Outputs["who"], {
      userId: string;
      sessionId: string;
      roles: string[];
      signedInYear: number;
      amr: string[];
    }>,
    Equal<Pick<Identity, "userId" | "sessionId">, { readonly userId: string; readonly sessionId: string }>,
    Equal<Identity["roles"], readonly string[]>,
    Equal<Identity["authenticatedAt"], Date>,
    Equal<IsAny<Identity>, false>,
  ]>("what a query returns of it", "ids", "roles", "authenticatedAt", "not any");
  assertEquals(proven, 5);
});

Deno.test("an optional sign-in is a caller or null", () => {
  assertEquals(prove<[Equal<Outputs["perhaps"], string | null>]>("perhaps"), 1);
});

Deno.test("an app's own procedures keep their inputs and outputs beside the auth router", () => {
  const proven = prove<[
    Equal<Outputs["open"], "anyone">,
    Equal<Inputs["strict"], { id: number }>,
    Equal<Outputs["strict"], { by: string; id: number }>,
    Equal<Inputs["auth"]["login"], { identifier: string; password: string }>,
    Equal<HasAny<Inputs>, false>,
  ]>("open", "input", "output", "auth", "no any");
  assertEquals(proven, 5);
});

Deno.test("an app's own claims are typed by its schema", () => {
  type Claims = inferRouterOutputs<ReturnType<typeof createClaimsShop>>["tenant"];
  const proven = prove<[
    Equal<Claims["tenant"], string>,
    Equal<Claims["seats"], number | undefined>,
    Equal<IsAny<Claims>, false>,
  ]>("tenant", "seats", "not any");
  assertEquals(proven, 3);
});

Deno.test("one client calls the app's procedures and the auth router's, typed", () => {
  type Client = AuthClient<Shop>["trpc"];
  const proven = prove<[
    Equal<Awaited<ReturnType<Client["strict"]["mutate"]>>, { by: string; id: number }>,
    Equal<Awaited<ReturnType<Client["open"]["query"]>>, "anyone">,
    Equal<IsAny<Client["auth"]>, false>,
  ]>("strict", "open", "auth");
  assertEquals(proven, 3);
});
