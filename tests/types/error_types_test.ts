import { assertEquals, assertThrows } from "@std/assert";
import type { TRPCClientError } from "@trpc/client";
import { safe } from "@trpc/client";
import type { inferProcedureErrorShape } from "@trpc/server";
import type { AuthClient, LoginResult, RegisterResult } from "@watchword/client";
import { authReason } from "@watchword/client";
import type { AppRouter } from "@watchword/server";
import type { AuthErrorData, Reason } from "@watchword/shared";
import { reasons } from "@watchword/shared";
import { assertNever, type Equal, type HasAny, prove } from "./type_proofs.ts";

type ErrorOf<
  P extends keyof AppRouter["auth"] & ("register" | "login" | "refresh" | "logout" | "me" | "stepUp"),
> = inferProcedureErrorShape<AppRouter, AppRouter["auth"][P]>;

/** What the app does about a reason. Leaving one out does not compile, and neither does one too many. */
function describe(reason: Reason): string {
  switch (reason) {
    case "TOKEN_MISSING":
    case "TOKEN_INVALID":
    case "TOKEN_EXPIRED":
      return "refresh";
    case "SESSION_REVOKED":
    case "REFRESH_INVALID":
    case "REFRESH_EXPIRED":
    case "REFRESH_REUSED":
      return "sign in";
    case "INVALID_CREDENTIALS":
    case "MFA_INVALID":
    case "TICKET_INVALID":
    case "LINK_INVALID":
    case "NOT_FOUND":
    case "METHOD_NOT_ALLOWED":
    case "BODY_TOO_SLOW":
    case "BODY_TOO_LARGE":
    case "BODY_TYPE":
    case "IDENTIFIER_TAKEN":
    case "INPUT_INVALID":
    case "PASSWORD_TOO_SHORT":
    case "PASSWORD_TOO_LONG":
    case "PASSWORD_COMMON":
    case "PASSWORD_PERSONAL":
      return "fix input";
    case "STEP_UP_REQUIRED":
    case "FORBIDDEN":
    case "CSRF":
    case "REGISTRATION_CLOSED":
    case "EMAIL_NOT_VERIFIED":
      return "ask user";
    case "RATE_LIMITED":
    case "UNAVAILABLE":
    case "OVERLOADED":
      return "wait";
    case "INTERNAL":
      return "report";
    default:
      return assertNever(reason);
  }
}

Deno.test("a switch over the reasons is exhaustive, and says what the list itself advises", () => {
  for (const [reason, { advice }] of Object.entries(reasons)) {
    assertEquals([reason, describe(reason as Reason)], [reason, advice]);
  }
  assertThrows(() => describe("SOMETHING_ELSE" as Reason), Error, "left out");
});

Deno.test("every procedure's error carries the reason, typed, with no `any`", () => {
  type Auth<E> = E extends { data: { auth?: infer A } } ? Exclude<A, undefined> : never;
  type IsTyped<E> = [Auth<E>] extends [never] ? false : [Auth<E>] extends [AuthErrorData] ? true : false;
  const proven = prove<[
    IsTyped<ErrorOf<"login">>,
    IsTyped<ErrorOf<"register">>,
    IsTyped<ErrorOf<"refresh">>,
    IsTyped<ErrorOf<"logout">>,
    IsTyped<ErrorOf<"me">>,
    Equal<ErrorOf<"login">["data"]["requestId"], string>,
    Equal<HasAny<ErrorOf<"login">>, false>,
    Equal<HasAny<ErrorOf<"me">>, false>,
    Equal<AuthErrorData["reason"], Reason>,
  ]>("login", "register", "refresh", "logout", "me", "requestId", "no any", "no any", "reason");
  assertEquals(proven, 9);
});

// Compiled and never called: each line proves what a caller's own code may say.
async function callers(client: AuthClient<AppRouter>, error: TRPCClientError<AppRouter>) {
  const reason: Reason | undefined = error.data?.auth?.reason;
  const wait: number | undefined = error.data?.auth?.retryAfterSeconds;
  const [me, failure] = await safe(client.trpc.auth.me.query());
  const name: string | null | undefined = me?.user.username;
  const failed: Reason | undefined = failure?.data?.auth?.reason;
  // @ts-expect-error -- not on the list
  const stray = reason === "TOKEN_STALE";
  // @ts-expect-error -- `executed` is a boolean, and there is no second name for it
  const ran: boolean | undefined = error.data?.auth?.hasRun;
  return { reason, wait, name, failed, stray, ran };
}

Deno.test("the client tells the reason of whatever was thrown, from the closed list or not at all", () => {
  assertEquals(typeof callers, "function");
  const proven = prove<[Equal<ReturnType<typeof authReason>, Reason | null>]>("authReason");
  assertEquals(proven, 1);
  assertEquals([
    authReason(new Error("x")),
    authReason(null),
    authReason({ data: { auth: { reason: "NEW" } } }),
  ], [null, null, null]);
});

/** Leaving out one outcome of a sign-in does not compile. */
function outcomeOf(result: LoginResult | RegisterResult): string {
  switch (result.status) {
    case "signed_in":
      return result.user.id;
    case "mfa_required":
      return result.ticket;
    case "verification_sent":
      return "sent";
    case "rejected":
      return result.reason;
    default:
      return assertNever(result);
  }
}

Deno.test("the outcomes of signing in are a closed union, and what is not to be shown in a form is not in it", () => {
  type Rejection = Extract<LoginResult, { status: "rejected" }>["reason"];
  const proven = prove<[
    Equal<LoginResult["status"], "signed_in" | "mfa_required" | "rejected">,
    Equal<RegisterResult["status"], "signed_in" | "verification_sent" | "rejected">,
    Equal<Extract<Rejection, "INTERNAL" | "UNAVAILABLE" | "OVERLOADED">, never>,
    Equal<Extract<Rejection, "RATE_LIMITED" | "INVALID_CREDENTIALS">, "RATE_LIMITED" | "INVALID_CREDENTIALS">,
    Equal<HasAny<LoginResult | RegisterResult>, false>,
  ]>("login", "register", "not shown", "shown", "no any");
  assertEquals(proven, 5);
  assertEquals(outcomeOf({ status: "rejected", reason: "INVALID_CREDENTIALS" }), "INVALID_CREDENTIALS");
});
