import type { Reason } from "@watchword/shared/reasons";

/** When each reason is the answer. What a client does about it is its advice, in `shared/reasons.ts`. */
export const occasions: Record<Reason, string> = {
  TOKEN_MISSING: "There is no `Authorization` header, or one of another scheme than `Bearer`.",
  TOKEN_INVALID:
    "What follows `Bearer` is not one token, or its signature, key, issuer, audience, form or claims are not ours. " +
    "So is a genuine token that does not fit the app's present claims.",
  TOKEN_EXPIRED: "The access token is genuine and its time is over. 5 s of clock difference are forgiven.",
  SESSION_REVOKED:
    "The session of a bearer or a refresh token has ended: by a sign-out, a reuse, a step-up, or the 51st sign-in of its " +
    "user. At a refresh and under `strict` also when the user is disabled; under `strict` and at `auth.me` when the " +
    "session's row is gone.",
  REFRESH_INVALID:
    "The refresh token is none of ours, or its session's row is gone; in cookie mode there is no cookie.",
  REFRESH_EXPIRED:
    "The session's idle or absolute lifetime is over. Also when the database has lost the commit that made this token.",
  REFRESH_REUSED:
    "A used refresh token came back, after the leeway and from another attempt. The session has been ended by this call.",
  INVALID_CREDENTIALS:
    "The password is wrong, nobody has that identifier, or the account is disabled or has no password: one answer.",
  MFA_INVALID: "A step-up by code. No second factor can be enrolled yet, so no code is right.",
  TICKET_INVALID: "Not answered yet: kept for the second step of a sign-in.",
  LINK_INVALID: "Not answered yet: kept for links in mails.",
  STEP_UP_REQUIRED:
    "The procedure asks for a sign-in within `maxAgeSeconds`, which stands in the answer, and this session's is older.",
  FORBIDDEN:
    "The caller has none of the roles that the procedure asks for. At logout: the two tokens are of different sessions.",
  CSRF:
    "A request in cookie mode whose `Origin` is not on the list, whose `Sec-Fetch-Site` is not `same-origin`, or that " +
    "has neither. Also a call over a WebSocket that a page of a foreign origin opened.",
  REGISTRATION_CLOSED: "`REGISTRATION` (or the option `registration`) is `closed`.",
  EMAIL_NOT_VERIFIED: "Not answered by any procedure of ours. Your own code may throw it.",
  NOT_FOUND: "There is no such path or procedure, or no such session of this user.",
  METHOD_NOT_ALLOWED: "The path is there, the method is not. `Allow` names those that are.",
  BODY_TOO_SLOW: "The body had not arrived within 5 s.",
  BODY_TOO_LARGE: "The body is above 16 KiB on an auth route, or above the app's bound elsewhere.",
  BODY_TYPE: "The body is not `application/json`. An app's own procedure may take more.",
  IDENTIFIER_TAKEN: "Somebody has that user name or e-mail address.",
  INPUT_INVALID:
    "The input does not fit the schema, the JSON or the batch is malformed, or an auth call that travels alone stood in " +
    "a batch.",
  PASSWORD_TOO_SHORT: "The password has fewer code points than `PASSWORD_MIN_LENGTH`.",
  PASSWORD_TOO_LONG: "The password has more than 256 code points or 1,024 bytes.",
  PASSWORD_COMMON: "The password is on the list of common ones.",
  PASSWORD_PERSONAL:
    "The password is the user name, the e-mail address or its local part, or the product's name, with no more than " +
    "digits and signs around it.",
  RATE_LIMITED: "One of the README's limits is used up. `retryAfterSeconds` says how long to wait.",
  UNAVAILABLE: "Nobody can know now, most likely because the database is away. It is never 401.",
  OVERLOADED:
    "Too many passwords are being checked, or too many services follow the revocation feed. Nothing was begun.",
  INTERNAL: "A bug. The text is fixed; what happened is in the log, under the request id.",
};
