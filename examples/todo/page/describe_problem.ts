import { authReason, findAuthClientError, type Reason, type SignOutReason } from "@watchword/client";

const textOfReason: Partial<Record<Reason, string>> = {
  INVALID_CREDENTIALS: "This name and this password do not belong together.",
  IDENTIFIER_TAKEN: "Somebody has this name already.",
  INPUT_INVALID: "A name has 3 to 32 letters, digits, dots, dashes or underscores.",
  PASSWORD_TOO_SHORT: "The password needs at least 8 characters.",
  PASSWORD_TOO_LONG: "This password is too long.",
  PASSWORD_COMMON: "This password is one of the most used ones. Take another.",
  PASSWORD_PERSONAL: "This password is too close to the name.",
  REGISTRATION_CLOSED: "No new accounts are taken at the moment.",
  STEP_UP_REQUIRED: "Nothing was deleted: this needs your password.",
};

const textOfEnd: Partial<Record<SignOutReason, string>> = {
  expired: "You were away for a long time. Please sign in again.",
  revoked: "This session was ended. Please sign in again.",
  reuse_detected: "Somebody else may have used your session, so it was ended. Please sign in again.",
};

/** Tells a user why a form was refused. */
export function describeRejection(rejected: { reason: Reason; retryAfterSeconds?: number }): string {
  if (rejected.reason === "RATE_LIMITED") {
    return `Too many attempts. Try again in ${rejected.retryAfterSeconds ?? 60} seconds.`;
  }
  return textOfReason[rejected.reason] ?? "Something went wrong. Please try again.";
}

/** Tells a user why a call failed; nothing when the session is over, which shows by itself. */
export function describeError(error: unknown): string {
  const reason = authReason(error);
  if (reason !== null) return describeRejection({ reason });
  const known = findAuthClientError(error);
  if (known !== null && !known.retryable) return "";
  return "The server cannot be reached. Please try again.";
}

/** Tells a user why they have to sign in again; nothing where they know. */
export const describeEnd = (end: SignOutReason | null): string => textOfEnd[end ?? "user"] ?? "";
