// deno-lint-ignore-file no-console -- an example talks to its reader
/**
 * A service of its own that only verifies: no database, no tRPC, no secret but the feed's.
 *
 *   ISSUER=http://127.0.0.1:8000 REVOCATION_FEED_TOKEN=… deno run --allow-env --allow-net examples/resource_server/server.ts
 */
import { createVerifier, refusalResponse } from "@watchword/server/verifier";

const feedToken = Deno.env.get("REVOCATION_FEED_TOKEN");
const verifier = createVerifier({
  issuer: Deno.env.get("ISSUER") ?? "http://127.0.0.1:8000",
  audience: Deno.env.get("AUDIENCE") ?? "watchword",
  // Without the feed a signed-out token works here until it expires.
  ...(feedToken ? { revocations: { token: feedToken } } : {}),
});

async function answer(request: Request): Promise<Response> {
  const result = await verifier.verify(request.headers.get("authorization"));
  if (result.status === "refused") {
    if (result.cause) console.error(result.cause);
    return refusalResponse(result);
  }
  const { userId, roles } = result.caller;
  return Response.json({ userId, roles, secret: "only for those who are signed in" });
}

const port = Number(Deno.env.get("PORT") ?? 8001);
const server = Deno.serve({
  hostname: "127.0.0.1",
  port,
  onListen: ({ port }) => console.log(`listening on http://127.0.0.1:${port}`),
}, answer);

Deno.addSignalListener("SIGTERM", async () => {
  await server.shutdown();
  await verifier.close();
  Deno.exit();
});
