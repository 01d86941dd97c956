import { assertEquals } from "@std/assert";
import type { Verifier } from "@watchword/server/verifier";
import type { RawAnswer, TestApp } from "../kit/app.ts";
import { sayOf, verifierOf } from "../kit/verifier.ts";

/** A verifier beside a service, that must say the same of every bearer. */
export interface VerifierTwin extends AsyncDisposable {
  /** Asserts that it does. It follows no revocations: to it an ended session's token is good. */
  agrees(name: string, bearer: string, answer: RawAnswer): Promise<void>;
}

/** Sets a verifier beside a service. */
export function createVerifierTwin(app: TestApp): VerifierTwin {
  const verifier: Verifier = verifierOf(app);
  return {
    async agrees(name, bearer, { status, auth }) {
      // Refused by the HTTP parser, which a token alone does not pass through.
      const reason = auth?.reason ?? (status === 200 ? "valid" : "TOKEN_INVALID");
      const expected = reason === "SESSION_REVOKED" ? "valid" : reason;
      const said = sayOf(await verifier.verifyToken(bearer));
      assertEquals(said, expected, `${name}: the service says ${reason}, a verifier says ${said}`);
    },
    [Symbol.asyncDispose]: () => verifier.close(),
  };
}
