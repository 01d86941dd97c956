import { assertEquals } from "@std/assert";
import { testSecret } from "../kit/app.ts";
import { createTestDatabase } from "../kit/database.ts";
import { sendUntilServed } from "../kit/send_until_served.ts";
import { callService, signUp } from "../kit/service_calls.ts";
import { startService } from "../kit/service_process.ts";

const REFRESHES = 200;

Deno.test("A-032: 200 refreshes of one token at once over three processes rotate once, and every answer is the same successor", async () => {
  await using database = await createTestDatabase();
  const start = () =>
    startService({
      args: ["run", "-A", "server/main.ts"],
      env: {
        DATABASE_URL: database.url,
        ISSUER: "http://watchword.test",
        KEY_ENCRYPTION_SECRET: testSecret,
        REFRESH_LEEWAY_SECONDS: "300",
      },
    });
  await using first = await start();
  await using second = await start();
  await using third = await start();
  const origins = [first, second, third].map(({ origin }) => origin);
  const { refreshToken } = await signUp(first.origin);

  const answers = await Promise.all(
    Array.from(
      { length: REFRESHES },
      (_, index) =>
        sendUntilServed(() =>
          callService(origins[index % origins.length] ?? "", "auth.refresh", { body: { refreshToken } })
        ),
    ),
  );
  assertEquals(new Set(answers.map(({ status }) => status)), new Set([200]));
  assertEquals(new Set(answers.map(({ data }) => data.refreshToken)).size, 1);
  assertEquals(new Set(answers.map(({ data }) => data.generation)), new Set([1]));
  const [session] = await database.sql`select generation, revoked_at from sessions`;
  assertEquals([session?.["generation"], session?.["revoked_at"]], [1, null]);
});
