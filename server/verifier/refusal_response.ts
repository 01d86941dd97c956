import type { VerifierRefusal } from "./create_verifier.ts";

/**
 * An answer for a refusal: 401 with `WWW-Authenticate` (RFC 6750 §3), or 503 with `Retry-After`, as problem+json
 * (RFC 9457) with `reason`. It says nothing of the cause.
 */
export function refusalResponse({ reason }: VerifierRefusal): Response {
  const isAway = reason === "UNAVAILABLE";
  const [status, title] = isAway ? [503, "Service Unavailable"] : [401, "Unauthorized"];
  const challenge = reason === "TOKEN_MISSING" ? "Bearer" : 'Bearer error="invalid_token"';
  return Response.json({ type: "about:blank", title, status, reason }, {
    status,
    headers: {
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      ...(isAway ? { "retry-after": "1" } : { "www-authenticate": challenge }),
    },
  });
}
