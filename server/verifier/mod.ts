/**
 * For services that only verify: who calls, by the issuer's JWKS and its feed of revocations, without a database
 * and without a framework.
 *
 * @module
 */
export type { Clock } from "../clock.ts";
export type { Caller } from "../tokens/caller.ts";
export {
  createVerifier,
  type Verification,
  type Verifier,
  type VerifierOptions,
  type VerifierRefusal,
} from "./create_verifier.ts";
export { refusalResponse } from "./refusal_response.ts";
