/**
 * The closed list of answers that are not a success. Every refusal of every route carries exactly one
 * of these, so a client can `switch` over them and the compiler tells when one is missing.
 *
 * @module
 */

/** What a client does about a reason: the third column of the README's error table. */
export type Advice = "refresh" | "sign in" | "fix input" | "ask user" | "wait" | "report";

interface ReasonSpec {
  readonly status: keyof typeof codeOfStatus;
  readonly advice: Advice;
  /** Fixed text: it never depends on the request, so it can never leak anything. */
  readonly message: string;
}

/** tRPC's name for each HTTP status in use. */
export const codeOfStatus = {
  400: "BAD_REQUEST",
  401: "UNAUTHORIZED",
  403: "FORBIDDEN",
  404: "NOT_FOUND",
  405: "METHOD_NOT_SUPPORTED",
  408: "TIMEOUT",
  409: "CONFLICT",
  413: "PAYLOAD_TOO_LARGE",
  415: "UNSUPPORTED_MEDIA_TYPE",
  429: "TOO_MANY_REQUESTS",
  500: "INTERNAL_SERVER_ERROR",
  503: "SERVICE_UNAVAILABLE",
} as const;

/** Every reason with its HTTP status, its advice and its fixed message. */
export const reasons = {
  TOKEN_MISSING: { status: 401, advice: "refresh", message: "An access token is required" },
  TOKEN_INVALID: { status: 401, advice: "refresh", message: "The access token is not valid" },
  TOKEN_EXPIRED: { status: 401, advice: "refresh", message: "The access token has expired" },
  SESSION_REVOKED: { status: 401, advice: "sign in", message: "The session has ended" },
  REFRESH_INVALID: { status: 401, advice: "sign in", message: "The refresh token is not valid" },
  REFRESH_EXPIRED: { status: 401, advice: "sign in", message: "The session has expired" },
  REFRESH_REUSED: {
    status: 401,
    advice: "sign in",
    message: "The refresh token was used before, so the session was ended",
  },
  INVALID_CREDENTIALS: { status: 401, advice: "fix input", message: "The credentials are not valid" },
  MFA_INVALID: { status: 401, advice: "fix input", message: "The code is not valid" },
  TICKET_INVALID: { status: 401, advice: "fix input", message: "The sign-in has to be started again" },
  LINK_INVALID: { status: 400, advice: "fix input", message: "The link is not valid or was already used" },
  STEP_UP_REQUIRED: { status: 403, advice: "ask user", message: "A recent sign-in is required" },
  FORBIDDEN: { status: 403, advice: "ask user", message: "This is not allowed" },
  CSRF: { status: 403, advice: "ask user", message: "The request did not come from an allowed origin" },
  REGISTRATION_CLOSED: { status: 403, advice: "ask user", message: "Registration is closed" },
  EMAIL_NOT_VERIFIED: { status: 403, advice: "ask user", message: "The e-mail address is not verified" },
  NOT_FOUND: { status: 404, advice: "fix input", message: "There is nothing here" },
  METHOD_NOT_ALLOWED: { status: 405, advice: "fix input", message: "This method is not allowed here" },
  BODY_TOO_SLOW: { status: 408, advice: "fix input", message: "The body took too long to arrive" },
  BODY_TOO_LARGE: { status: 413, advice: "fix input", message: "The body is too large" },
  BODY_TYPE: { status: 415, advice: "fix input", message: "The body must be application/json" },
  IDENTIFIER_TAKEN: { status: 409, advice: "fix input", message: "The identifier is taken" },
  INPUT_INVALID: { status: 400, advice: "fix input", message: "The input is not valid" },
  PASSWORD_TOO_SHORT: { status: 400, advice: "fix input", message: "The password is too short" },
  PASSWORD_TOO_LONG: { status: 400, advice: "fix input", message: "The password is too long" },
  PASSWORD_COMMON: { status: 400, advice: "fix input", message: "The password is among the most used ones" },
  PASSWORD_PERSONAL: {
    status: 400,
    advice: "fix input",
    message: "The password is too close to the identifier or the name of the product",
  },
  RATE_LIMITED: { status: 429, advice: "wait", message: "Too many requests" },
  UNAVAILABLE: { status: 503, advice: "wait", message: "The service cannot tell right now" },
  OVERLOADED: { status: 503, advice: "wait", message: "The service is busy" },
  INTERNAL: { status: 500, advice: "report", message: "Something went wrong" },
} as const satisfies Record<string, ReasonSpec>;

/** One of the closed list of reasons. */
export type Reason = keyof typeof reasons;

/** Reasons that any route may answer: the edge, the limits, the input, a dependency that is away, a bug. */
export type CommonReason =
  | "INPUT_INVALID"
  | "NOT_FOUND"
  | "METHOD_NOT_ALLOWED"
  | "BODY_TOO_SLOW"
  | "BODY_TOO_LARGE"
  | "BODY_TYPE"
  | "CSRF"
  | "RATE_LIMITED"
  | "UNAVAILABLE"
  | "OVERLOADED"
  | "INTERNAL";

/** Reasons that a guard adds in front of a protected procedure. */
export type GuardReason =
  | "TOKEN_MISSING"
  | "TOKEN_INVALID"
  | "TOKEN_EXPIRED"
  | "SESSION_REVOKED"
  | "STEP_UP_REQUIRED"
  | "FORBIDDEN";

/** Reasons after which a session is over for good. Nothing else may sign a user out. */
export const terminalReasons = [
  "SESSION_REVOKED",
  "REFRESH_INVALID",
  "REFRESH_EXPIRED",
  "REFRESH_REUSED",
] as const satisfies readonly Reason[];

/** A reason after which the session is over for good. */
export type TerminalReason = typeof terminalReasons[number];

/**
 * `error.data.auth` of a tRPC error.
 *
 * `executed: false` promises that the call was refused before the procedure's own code and changed nothing;
 * a client sends a mutation again by itself only then.
 */
export interface AuthErrorData<R extends Reason = Reason> {
  readonly reason: R;
  readonly executed: boolean;
  /** Whole seconds; also sent as the `Retry-After` header. */
  readonly retryAfterSeconds?: number;
  /** With `STEP_UP_REQUIRED`: how recent the sign-in must be, in whole seconds. */
  readonly maxAgeSeconds?: number;
}

/** Tells whether a value is one of the closed list. Never throws. */
export function isReason(value: unknown): value is Reason {
  return typeof value === "string" && Object.hasOwn(reasons, value);
}

/** Tells whether a reason ends the session for good. */
export function isTerminalReason(reason: Reason): reason is TerminalReason {
  return (terminalReasons as readonly Reason[]).includes(reason);
}
