import { assertEquals } from "@std/assert";
import type { inferRouterInputs, inferRouterOutputs } from "@trpc/server";
import type { AppRouter, AuthRouter } from "@watchword/server";
import type { LogoutScope, MfaRequired, Session, Tokens, User, VerificationSent } from "@watchword/shared";
import { type Equal, type HasAny, type IsAny, prove } from "./type_proofs.ts";

type Inputs = inferRouterInputs<AppRouter>["auth"];
type Outputs = inferRouterOutputs<AppRouter>["auth"];

/** An input that may be left out. */
type Optional<T> = T | undefined | void;

type Without<T, K extends keyof T> = { [P in Exclude<keyof T, K>]: T[P] };

type UserOnWire = {
  id: string;
  email: string | null;
  username: string | null;
  emailVerified: boolean;
  roles: string[];
  createdAt: string;
};

type SessionOnWire = {
  id: string;
  current: boolean;
  createdAt: string;
  lastUsedAt: string;
  authenticatedAt: string;
  expiresAt: string;
  userAgent: string | null;
  ip: string | null;
  amr: string[];
};

type TokensOnWire = {
  tokenType: "Bearer";
  accessToken: string;
  expiresInSeconds: number;
  refreshToken?: string;
  refreshExpiresInSeconds: number;
  sessionId: string;
  generation: number;
  serverTime: string;
};

type SignedInOnWire = { status: "signed_in"; user: UserOnWire; tokens: TokensOnWire };

Deno.test("the helper tells `any` from everything else, or the proofs below would prove nothing", () => {
  const proven = prove<[
    Equal<IsAny<unknown>, false>,
    Equal<HasAny<{ a: { b: string[] } }>, false>,
    // deno-lint-ignore no-explicit-any -- what the helper is to find
    Equal<HasAny<{ a: { b: any[] } }>, true>,
    // deno-lint-ignore no-explicit-any -- what the helper is to find
    Equal<Equal<any, string>, false>,
    Equal<Equal<{ a?: string }, { a: string | undefined }>, false>,
  ]>("unknown", "clean", "hidden", "any is not string", "optional is not undefined");
  assertEquals(proven, 5);
});

Deno.test("every input is inferred through AppRouter as the contract says", () => {
  const proven = prove<[
    Equal<
      Inputs["register"],
      { email?: string | undefined; username?: string | undefined; password: string }
    >,
    Equal<Inputs["login"], { identifier: string; password: string }>,
    Equal<Inputs["refresh"], Optional<{ refreshToken?: string | undefined; attemptId?: string | undefined }>>,
    Equal<Inputs["logout"], Optional<{ scope?: LogoutScope | undefined; refreshToken?: string | undefined }>>,
    Equal<Inputs["me"], Optional<Record<string, never>>>,
    Equal<Inputs["sessions"]["list"], Optional<Record<string, never>>>,
    Equal<Inputs["sessions"]["revoke"], { sessionId: string }>,
    Equal<LogoutScope, "this" | "others" | "all">,
  ]>("register", "login", "refresh", "logout", "me", "list", "revoke", "scope");
  assertEquals(proven, 8);
});

Deno.test("every output is inferred through AppRouter as the contract says", () => {
  const proven = prove<[
    Equal<Outputs["register"], SignedInOnWire | VerificationSent>,
    Equal<Outputs["login"], SignedInOnWire | MfaRequired>,
    Equal<Outputs["refresh"], TokensOnWire>,
    Equal<Outputs["logout"], { ok: true }>,
    Equal<Outputs["me"], { user: UserOnWire; session: SessionOnWire; claims: Record<string, unknown> }>,
    Equal<Outputs["sessions"]["list"], SessionOnWire[]>,
    Equal<Outputs["sessions"]["revoke"], { ok: true }>,
  ]>("register", "login", "refresh", "logout", "me", "list", "revoke");
  assertEquals(proven, 7);
});

Deno.test("the schemas' types are what is on the wire", () => {
  const proven = prove<[
    Equal<User, UserOnWire>,
    Equal<Session, SessionOnWire>,
    Equal<Without<Tokens, "refreshToken">, Without<TokensOnWire, "refreshToken">>,
    Equal<Tokens["refreshToken"], string | undefined>,
    Equal<MfaRequired["methods"], ("totp" | "recovery_code")[]>,
    Equal<keyof MfaRequired, "status" | "ticket" | "methods" | "expiresInSeconds">,
  ]>("User", "Session", "Tokens", "refreshToken", "methods", "MfaRequired");
  assertEquals(proven, 6);
});

Deno.test("no `any` hides in an input or an output of any procedure", () => {
  const proven = prove<[
    Equal<HasAny<Inputs>, false>,
    Equal<HasAny<Outputs>, false>,
    Equal<HasAny<inferRouterInputs<AuthRouter>>, false>,
    Equal<HasAny<inferRouterOutputs<AuthRouter>>, false>,
  ]>("inputs", "outputs", "inputs of the auth router", "outputs of the auth router");
  assertEquals(proven, 4);
});
