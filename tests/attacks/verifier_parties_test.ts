import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type AuthOptions, createAuth } from "@watchword/server";
import type { VerifierOptions } from "@watchword/server/verifier";
import { testSecret } from "../kit/app.ts";
import { startIssuer } from "../kit/issuer.ts";
import { sayOf } from "../kit/verifier.ts";

// As from an environment variable that is not set, past the types.
const missing = [undefined, null, ""] as unknown as string[];

Deno.test("a verifier that was told no issuer or no audience is not made: it would take everybody's tokens", async () => {
  await using issuer = await startIssuer();
  const key = await issuer.makeKey();
  issuer.publish([key.jwk]);
  const token = await key.token();
  const say = async (options: Partial<VerifierOptions>) => {
    await using verifier = issuer.verifier(options);
    return sayOf(await verifier.verifyToken(token));
  };
  assertEquals(await say({}), "valid");
  assertEquals(await say({ audience: "another" }), "TOKEN_INVALID");
  assertEquals(await say({ issuer: "http://another.test" }), "TOKEN_INVALID");
  for (const value of missing) {
    assertThrows(() => issuer.verifier({ audience: value }), TypeError, "audience is required");
    assertThrows(() => issuer.verifier({ issuer: value }), TypeError, "issuer is required");
  }
});

Deno.test("a service that was told no issuer, or an empty audience, does not start", async () => {
  const start = (options: Partial<AuthOptions>) =>
    createAuth({
      databaseUrl: "postgres://127.0.0.1:1/nowhere",
      issuer: "http://watchword.test",
      keyEncryptionSecret: testSecret,
      ...options,
    });
  for (const value of missing) {
    await assertRejects(() => start({ issuer: value }), TypeError, "issuer is required");
  }
  await assertRejects(() => start({ audience: "" }), TypeError, "audience is required");
});
