import { assert, assertEquals } from "@std/assert";
import { eventually } from "../faults/probe_app.ts";
import { testSecret } from "../kit/app.ts";
import { createTestDatabase } from "../kit/database.ts";
import { callService, signUp } from "../kit/service_calls.ts";
import { startService } from "../kit/service_process.ts";
import { feedToken } from "../kit/verifier.ts";

Deno.test("examples/resource_server lets in who is signed in and refuses who has signed out, and the service stops beside it", async () => {
  await using database = await createTestDatabase();
  await using service = await startService({
    args: ["run", "-A", "server/main.ts"],
    env: {
      DATABASE_URL: database.url,
      KEY_ENCRYPTION_SECRET: testSecret,
      REVOCATION_FEED_TOKEN: feedToken,
    },
  });
  await using example = await startService({
    args: ["run", "--allow-env", "--allow-net", "examples/resource_server/server.ts"],
    env: { ISSUER: service.origin, REVOCATION_FEED_TOKEN: feedToken },
  });
  const { username, accessToken } = await signUp(service.origin);
  const ask = async (authorization?: string) => {
    const response = await fetch(example.origin, { headers: authorization ? { authorization } : {} });
    return { status: response.status, body: await response.json() };
  };
  const bearer = `Bearer ${accessToken}`;
  const mine = await ask(bearer);
  assertEquals([mine.status, Object.keys(mine.body)], [200, ["userId", "roles", "secret"]]);
  assertEquals((await ask()).body.reason, "TOKEN_MISSING");
  assertEquals((await ask(`${bearer}x`)).body.reason, "TOKEN_INVALID");
  await callService(service.origin, "auth.logout", { body: {}, bearer: accessToken });
  await eventually("it refuses", 5_000, async () => (await ask(bearer)).status === 401);
  assertEquals((await ask(bearer)).body.reason, "SESSION_REVOKED");

  const again = await callService(service.origin, "auth.login", {
    body: { identifier: username, password: "correct horse battery" },
  });
  // It ends its feeds; one that waited for them would end itself with 1 after 10 s.
  assertEquals((await service.end("SIGTERM")).code, 0);
  const late = await ask(`Bearer ${again.data.tokens.accessToken}`);
  assert(late.status === 200 || late.body.reason === "UNAVAILABLE", late.body.reason);
  assertEquals((await example.end("SIGTERM")).code, 0);
});
