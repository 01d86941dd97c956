import { assertEquals } from "@std/assert";
import { testSecret } from "../kit/app.ts";
import { noticeClock } from "../kit/clock.ts";
import { createTestDatabase } from "../kit/database.ts";
import { startService } from "../kit/service_process.ts";
import { readFile } from "../house/sources.ts";
import { findFreePort } from "../kit/free_port.ts";
import { walkTutorial } from "./tutorial_flow.ts";

Deno.test("examples/from_flask: the tutorials' flow, step by step, and a logout that ends both tokens", async () => {
  await using database = await createTestDatabase();
  await using service = await startService({
    args: ["run", "-A", "examples/from_flask/watchword_app.ts"],
    env: { DATABASE_URL: database.url, KEY_ENCRYPTION_SECRET: testSecret, PORT: `${findFreePort()}` },
  });
  const { origin } = service;
  const steps = await walkTutorial({
    origin,
    prefix: "/v1",
    nameField: "identifier",
    readTokens: ({ tokens }) => ({ access: tokens.accessToken, refresh: tokens.refreshToken }),
    refreshWith: (refreshToken) => ({ body: { refreshToken } }),
    readRenewed: ({ accessToken }) => accessToken,
    readRefusal: ({ reason }) => reason,
    async letSignInAge() {
      await database.shiftClock(700_000);
      await noticeClock(origin);
    },
  });
  assertEquals(steps, [
    ["2. register", "201"],
    ["2. register the same name", "409 IDENTIFIER_TAKEN"],
    ["3. log in with a wrong password", "401 INVALID_CREDENTIALS"],
    ["3. log in", "200"],
    ["4. protected", "200"],
    ["4. protected, without a token", "401 TOKEN_MISSING"],
    ["6. fresh, after a login", "200"],
    ["5. refresh", "200"],
    ["5. protected, with the new token", "200"],
    ["6. fresh, after a refresh", "403 STEP_UP_REQUIRED"],
    ["7. log out", "200"],
    ["7. protected, with that token", "401 SESSION_REVOKED"],
    ["7. refresh, after the logout", "401 SESSION_REVOKED"],
  ]);
});

Deno.test("examples/from_flask: both files have the same steps, in the same order", async () => {
  const readSteps = async (file: string) =>
    Array.from(
      (await readFile(`examples/from_flask/${file}`)).matchAll(
        /^ *(?:\/\/|#) (\d\. [\w -]+?)(?= is |[:.,])/gm,
      ),
      ([, step]) => step,
    );
  const steps = await readSteps("flask_app.py");
  assertEquals(steps, await readSteps("watchword_app.ts"));
  assertEquals(steps.length, 8);
});
