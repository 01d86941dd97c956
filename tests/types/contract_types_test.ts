import { assertEquals } from "@std/assert";
import { safe, type TRPCClient, type TRPCClientError } from "@trpc/client";
import type { inferProcedureErrorShape, inferRouterInputs, inferRouterOutputs } from "@trpc/server";
import type { AppRouter, Auth } from "@watchword/server";
import type * as schemas from "@watchword/shared";
import type { AuthErrorData, CommonReason, Reason } from "@watchword/shared";
import type * as contract from "@watchword/shared/contract";
import type { AuthRouter, ReasonOf, ServiceRouter } from "@watchword/shared/contract";
import type { createAuthRouter } from "../../server/router.ts";
import { type Equal, type HasAny, prove } from "./type_proofs.ts";

type BuiltRouter = ReturnType<typeof createAuthRouter>;
type ErrorOf<P extends keyof BuiltRouter> = BuiltRouter[P] extends
  { _def: { $types: { errorShape: infer E } } } ? E
  : never;

Deno.test("the contract's inputs and outputs are those of the router that the server builds, both ways", () => {
  const proven = prove<[
    Equal<inferRouterInputs<AuthRouter>, inferRouterInputs<BuiltRouter>>,
    Equal<inferRouterOutputs<AuthRouter>, inferRouterOutputs<BuiltRouter>>,
    Equal<inferRouterInputs<ServiceRouter>, inferRouterInputs<AppRouter>>,
    Equal<inferRouterOutputs<ServiceRouter>, inferRouterOutputs<AppRouter>>,
  ]>("inputs", "outputs", "inputs of the service", "outputs of the service");
  assertEquals(proven, 4);
});

Deno.test("the contract's names on the wire are the schemas' types, both ways", () => {
  const proven = prove<[
    Equal<contract.User, schemas.User>,
    Equal<contract.Session, schemas.Session>,
    Equal<contract.Tokens, schemas.Tokens>,
    Equal<contract.SignedIn, schemas.SignedIn>,
    Equal<contract.VerificationSent, schemas.VerificationSent>,
    Equal<contract.MfaRequired, schemas.MfaRequired>,
    Equal<contract.Ok, schemas.Ok>,
    Equal<contract.Me, schemas.Me>,
    Equal<contract.RegisterInput, schemas.RegisterInput>,
    Equal<contract.LoginInput, schemas.LoginInput>,
    Equal<contract.RefreshInput | undefined, schemas.RefreshInput>,
    Equal<contract.LogoutInput | undefined, schemas.LogoutInput>,
    Equal<contract.LogoutScope, schemas.LogoutScope>,
    Equal<contract.StepUpInput, schemas.StepUpInput>,
    Equal<contract.RevokeSessionInput, schemas.RevokeSessionInput>,
  ]>(
    ...["User", "Session", "Tokens", "SignedIn", "VerificationSent", "MfaRequired", "Ok", "Me"] as const,
    ...["register", "login", "refresh", "logout", "scope", "stepUp", "revoke"] as const,
  );
  assertEquals(proven, 15);
});

Deno.test("the contract's errors are what the server shapes, with the reason narrowed to the procedure's", () => {
  type Ours = contract.AuthErrorShape["data"];
  type Shaped = ErrorOf<"login">["data"];
  const proven = prove<[
    Equal<Ours["auth"], Exclude<Shaped["auth"], undefined>>,
    Equal<Ours["code"], Shaped["code"]>,
    Equal<Ours["requestId"], Shaped["requestId"]>,
    Equal<Ours["httpStatus"], Shaped["httpStatus"]>,
    Equal<Exclude<keyof Shaped, keyof Ours>, "stack">,
    Equal<
      inferProcedureErrorShape<AuthRouter, AuthRouter["login"]>["data"]["auth"]["reason"],
      ReasonOf<"login">
    >,
    Equal<Exclude<ReasonOf<"login">, CommonReason>, "INVALID_CREDENTIALS" | "PASSWORD_TOO_LONG">,
  ]>(
    "auth",
    "code",
    "requestId",
    "status",
    "nothing but a stack, which is never sent",
    "narrowed",
    "login's",
  );
  assertEquals(proven, 7);
});

Deno.test("no `any` hides in the contract, and createAuth's router is of its type", () => {
  const proven = prove<[
    Equal<HasAny<inferRouterInputs<ServiceRouter>>, false>,
    Equal<HasAny<inferRouterOutputs<ServiceRouter>>, false>,
    Equal<HasAny<contract.AuthErrorShape>, false>,
    Equal<HasAny<contract.ProcedureReasons>, false>,
    Equal<Auth["router"], AuthRouter>,
  ]>("inputs", "outputs", "errors", "reasons", "createAuth");
  assertEquals(proven, 5);
});

// Compiled and never called: what a caller's own code may say, through the contract alone.
async function callers(client: TRPCClient<ServiceRouter>, error: TRPCClientError<ServiceRouter>) {
  const reason: Reason | undefined = error.data?.auth.reason;
  const [signedIn, failure] = await safe(client.auth.login.mutate({ identifier: "ada", password: "x" }));
  const failed: ReasonOf<"login"> | undefined = failure?.data?.auth.reason;
  const data: AuthErrorData | undefined = failure?.data?.auth;
  // @ts-expect-error -- a sign-in never answers so
  const stray = failed === "IDENTIFIER_TAKEN";
  // @ts-expect-error -- a second factor may be asked for first
  const user = signedIn?.user;
  // @ts-expect-error -- it is called identifier
  await client.auth.login.mutate({ username: "ada", password: "x" });
  const me = await client.auth.me.query();
  const name: string | null = me.user.username;
  return { reason, failed, data, stray, user, name };
}

Deno.test("a client of the contract is told a procedure's own reasons, and nothing else compiles", () => {
  assertEquals(typeof callers, "function");
  type Login = TRPCClient<ServiceRouter>["auth"]["login"]["mutate"];
  const proven = prove<[
    Equal<Parameters<Login>[0], contract.LoginInput>,
    Equal<
      Awaited<ReturnType<TRPCClient<ServiceRouter>["auth"]["sessions"]["list"]["query"]>>,
      contract.Session[]
    >,
  ]>("input", "output");
  assertEquals(proven, 2);
});
