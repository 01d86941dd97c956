import { assert, assertEquals } from "@std/assert";
import { codeOfStatus, isReason, isTerminalReason, type Reason, reasons } from "./reasons.ts";

// The contract's table of errors, as clients and dashboards were told it.
const contract: Record<number, Reason[]> = {
  400: [
    "LINK_INVALID",
    "INPUT_INVALID",
    "PASSWORD_TOO_SHORT",
    "PASSWORD_TOO_LONG",
    "PASSWORD_COMMON",
    "PASSWORD_PERSONAL",
  ],
  401: [
    "TOKEN_MISSING",
    "TOKEN_INVALID",
    "TOKEN_EXPIRED",
    "SESSION_REVOKED",
    "REFRESH_INVALID",
    "REFRESH_EXPIRED",
    "REFRESH_REUSED",
    "INVALID_CREDENTIALS",
    "MFA_INVALID",
    "TICKET_INVALID",
  ],
  403: ["STEP_UP_REQUIRED", "FORBIDDEN", "CSRF", "REGISTRATION_CLOSED", "EMAIL_NOT_VERIFIED"],
  404: ["NOT_FOUND"],
  405: ["METHOD_NOT_ALLOWED"],
  408: ["BODY_TOO_SLOW"],
  409: ["IDENTIFIER_TAKEN"],
  413: ["BODY_TOO_LARGE"],
  415: ["BODY_TYPE"],
  429: ["RATE_LIMITED"],
  500: ["INTERNAL"],
  503: ["UNAVAILABLE", "OVERLOADED"],
};

Deno.test("every reason has the status of the contract, and the list is closed", () => {
  const byStatus: Record<number, string[]> = {};
  for (const [reason, { status }] of Object.entries(reasons)) (byStatus[status] ??= []).push(reason);
  const sorted = (table: Record<number, string[]>) =>
    Object.fromEntries(Object.entries(table).map(([status, names]) => [status, [...names].sort()]));
  assertEquals(sorted(byStatus), sorted(contract));
});

Deno.test("every status in use has a name of tRPC's, and every reason a fixed text", () => {
  for (const [reason, { status, message }] of Object.entries(reasons)) {
    assert(codeOfStatus[status], reason);
    assert(/^[A-Z][^{}$%]+$/.test(message), reason);
  }
});

Deno.test("only four reasons end a session for good", () => {
  const terminal = (Object.keys(reasons) as Reason[]).filter(isTerminalReason);
  assertEquals(terminal.sort(), ["REFRESH_EXPIRED", "REFRESH_INVALID", "REFRESH_REUSED", "SESSION_REVOKED"]);
});

Deno.test("only what is on the list is a reason, whatever its type or its prototype", () => {
  assertEquals(isReason("TOKEN_EXPIRED"), true);
  for (
    const value of ["toString", "__proto__", "constructor", "", "token_expired", null, undefined, 1, {}, [
      "INTERNAL",
    ]]
  ) {
    assertEquals([value, isReason(value)], [value, false]);
  }
});
