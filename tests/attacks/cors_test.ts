import { assert, assertEquals } from "@std/assert";
import type { RawAnswer } from "../kit/app.ts";
import { appOrigin } from "./browser.ts";
import { attack } from "./kit.ts";

const options = { allowedOrigins: [appOrigin] };
const corsHeaders = [
  "access-control-allow-origin",
  "access-control-allow-credentials",
  "access-control-allow-headers",
];

function corsOf({ headers }: RawAnswer): (string | null)[] {
  return corsHeaders.map((name) => headers.get(name));
}

attack("A-106: a foreign origin is given no permission and is never reflected", async ({ app, victim }) => {
  const origins = [
    "https://evil.test",
    "null",
    "https://app.watchword.test.evil.test",
    "http://app.watchword.test",
    "*",
  ];
  for (const origin of origins) {
    const asked = {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "content-type,x-watchword-mode",
      "access-control-request-private-network": "true",
    };
    for (const path of ["auth.login", "auth.refresh", "auth.me", "/.well-known/jwks.json", "/health/live"]) {
      const preflight = await app.call(path, { method: "OPTIONS", headers: asked });
      assertEquals(corsOf(preflight), [null, null, null], `${origin} ${path}`);
      assertEquals(preflight.headers.get("access-control-allow-private-network"), null);
      assert(preflight.status < 400 || preflight.status === 403);
      assert(preflight.headers.get("vary")?.toLowerCase().includes("origin"));
    }
    const me = await app.call("auth.me", { bearer: victim.tokens.accessToken, headers: { origin } });
    assertEquals(corsOf(me), [null, null, null]);
    assert(me.headers.get("vary")?.toLowerCase().includes("origin"));
  }
}, options);

attack("A-106: an allowed origin is named exactly, and never by a wildcard", async ({ app, victim }) => {
  for (const method of ["OPTIONS", "GET"]) {
    const answer = await app.call("auth.me", {
      method,
      bearer: victim.tokens.accessToken,
      headers: { origin: appOrigin, "access-control-request-method": "GET" },
    });
    const [origin, credentials] = corsOf(answer);
    assertEquals([origin, credentials], [appOrigin, "true"], method);
    assert(answer.headers.get("vary")?.toLowerCase().includes("origin"));
  }
}, options);

attack("A-106: a loopback origin of development gets no credentials", async ({ app }) => {
  const answer = await app.call("auth.me", { headers: { origin: "http://localhost:5173" } });
  assertEquals(corsOf(answer).slice(0, 2), ["http://localhost:5173", null]);
}, { allowLoopbackOrigins: true });
