import type { Reason } from "@watchword/shared";
import type { RestRoute } from "./rest_routes.ts";

const everywhere: readonly Reason[] = ["INPUT_INVALID", "CSRF", "UNAVAILABLE", "INTERNAL"];
const ofBodies: readonly Reason[] = ["BODY_TYPE", "BODY_TOO_LARGE", "BODY_TOO_SLOW"];

/** Every reason that a route may answer: from the edge, from its procedure's policy, and from its own code. */
export function listReasons({ method, meta: { policy, refusals = [] } }: RestRoute): Reason[] {
  const reasons = new Set<Reason>([...everywhere, ...(method === "GET" ? [] : ofBodies), ...refusals]);
  if (policy?.auth !== "required" && policy?.auth !== "optional") return [...reasons];
  if (policy.auth === "required") reasons.add("TOKEN_MISSING");
  for (const reason of ["TOKEN_INVALID", "TOKEN_EXPIRED", "RATE_LIMITED"] as const) reasons.add(reason);
  if (policy.revocation !== "none") reasons.add("SESSION_REVOKED");
  if (policy.roles) reasons.add("FORBIDDEN");
  if (policy.maxAgeSeconds !== undefined) reasons.add("STEP_UP_REQUIRED");
  return [...reasons];
}
