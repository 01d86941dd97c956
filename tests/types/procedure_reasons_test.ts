import { assert, assertEquals } from "@std/assert";
import { type CommonReason, isReason, type Reason } from "@watchword/shared";
import type { ProcedureReasons } from "@watchword/shared/contract";
import { startTestApp } from "../kit/app.ts";
import { provocations } from "./provocations.ts";

const common: { [R in CommonReason]: true } = {
  INPUT_INVALID: true,
  NOT_FOUND: true,
  METHOD_NOT_ALLOWED: true,
  BODY_TOO_SLOW: true,
  BODY_TOO_LARGE: true,
  BODY_TYPE: true,
  CSRF: true,
  RATE_LIMITED: true,
  UNAVAILABLE: true,
  OVERLOADED: true,
  INTERNAL: true,
};

/** The flow of each procedure. What a guard in front of it refuses is not written there. */
const flows: { [P in keyof ProcedureReasons]: string } = {
  "register": "account/register",
  "login": "session/login",
  "refresh": "session/refresh",
  "logout": "session/logout",
  "me": "account/me",
  "stepUp": "session/step_up",
  "sessions.list": "session/list_sessions",
  "sessions.revoke": "session/revoke_session",
};

Deno.test("each reason that the contract gives a procedure is one that the running server answers", async () => {
  await using app = await startTestApp({ refreshLeewaySeconds: 0 });
  for (const [procedure, ways] of Object.entries(provocations)) {
    for (const [reason, provoke] of Object.entries(ways)) {
      const { status, auth } = await provoke(app);
      assertEquals([procedure, status >= 400, auth?.reason], [procedure, true, reason]);
    }
  }
});

Deno.test("the contract gives reasons to every procedure of the router, and to no other", async () => {
  await using app = await startTestApp();
  const { procedures } = app.auth.router._def as unknown as { procedures: Record<string, unknown> };
  assertEquals(Object.keys(procedures).toSorted(), Object.keys(provocations).toSorted());
});

Deno.test("a flow names no reason that the contract keeps from its callers", async () => {
  for (const [procedure, flow] of Object.entries(flows)) {
    const text = await Deno.readTextFile(new URL(`../../server/flows/${flow}.ts`, import.meta.url));
    const named = Array.from(text.matchAll(/"([A-Z_]+)"/g), ([, name]) => name).filter(isReason);
    const known = (reason: Reason) =>
      reason in common || reason in provocations[procedure as keyof typeof provocations];
    assertEquals([procedure, named.filter((reason) => !known(reason))], [procedure, []]);
  }
  assert(Object.keys(flows).length === Object.keys(provocations).length);
});
