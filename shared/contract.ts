/**
 * The auth router as a client sees it: inputs, outputs and reasons, with no schema, database or server code behind
 * them. Types only. Tests hold every line equal to what the server is made of.
 *
 * What is on the wire are type aliases, not interfaces: tRPC's serializer passes those through by name.
 *
 * @module
 */
import type {
  TRPC_ERROR_CODE_KEY,
  TRPC_ERROR_CODE_NUMBER,
  TRPCBuiltRouter,
  TRPCMutationProcedure,
  TRPCQueryProcedure,
} from "@trpc/server";
import type { AuthErrorData, CommonReason, Reason } from "./reasons.ts";

/** An account. `id` is a UUID, `createdAt` ISO 8601. */
export type User = {
  id: string;
  email: string | null;
  username: string | null;
  emailVerified: boolean;
  roles: string[];
  createdAt: string;
};

/** A signed-in device. Instants are ISO 8601; `amr` is how the user proved who they are (RFC 8176). */
export type Session = {
  id: string;
  current: boolean;
  createdAt: string;
  lastUsedAt: string;
  authenticatedAt: string;
  expiresAt: string;
  userAgent: string | null;
  ip: string | null;
  amr: string[];
};

/** Lifetimes are relative, because client clocks are wrong. */
export type Tokens = {
  tokenType: "Bearer";
  accessToken: string;
  expiresInSeconds: number;
  /** Absent in cookie mode. */
  refreshToken?: string | undefined;
  refreshExpiresInSeconds: number;
  sessionId: string;
  /** Only ever rises within a session. */
  generation: number;
  serverTime: string;
};

export type SignedIn = { status: "signed_in"; user: User; tokens: Tokens };
export type VerificationSent = { status: "verification_sent" };
export type MfaRequired = {
  status: "mfa_required";
  ticket: string;
  methods: ("totp" | "recovery_code")[];
  expiresInSeconds: number;
};
export type Ok = { ok: true };
/** `claims` are the app's own. */
export type Me = { user: User; session: Session; claims: Record<string, unknown> };

export type RegisterInput = { email?: string | undefined; username?: string | undefined; password: string };
export type LoginInput = { identifier: string; password: string };
export type RefreshInput = { refreshToken?: string | undefined; attemptId?: string | undefined };
/** @default "this" */
export type LogoutScope = "this" | "others" | "all";
export type LogoutInput = { scope?: LogoutScope | undefined; refreshToken?: string | undefined };
export type StepUpInput = { password: string } | { code: string };
export type RevokeSessionInput = { sessionId: string };
export type NoInput = Record<string, never>;

/** Why a bearer is refused. */
export type BearerReason = "TOKEN_MISSING" | "TOKEN_INVALID" | "TOKEN_EXPIRED" | "SESSION_REVOKED";
type PasswordReason = "PASSWORD_TOO_SHORT" | "PASSWORD_TOO_LONG" | "PASSWORD_COMMON" | "PASSWORD_PERSONAL";

/** The reasons of each procedure, beside those that any of them may answer: {@link CommonReason}. */
export interface ProcedureReasons {
  "register": PasswordReason | "REGISTRATION_CLOSED" | "IDENTIFIER_TAKEN";
  "login": "INVALID_CREDENTIALS" | "PASSWORD_TOO_LONG";
  "refresh": "REFRESH_INVALID" | "REFRESH_EXPIRED" | "REFRESH_REUSED" | "SESSION_REVOKED";
  "logout": BearerReason | "REFRESH_INVALID" | "REFRESH_EXPIRED" | "FORBIDDEN";
  "me": BearerReason;
  "stepUp": BearerReason | "INVALID_CREDENTIALS" | "MFA_INVALID" | "PASSWORD_TOO_LONG";
  "sessions.list": BearerReason;
  "sessions.revoke": BearerReason;
}

/** Every reason that a procedure may answer. */
export type ReasonOf<P extends keyof ProcedureReasons> = ProcedureReasons[P] | CommonReason;

/** A tRPC error of the auth router: `auth` says why, `requestId` finds it in the log. */
export interface AuthErrorShape<R extends Reason = Reason> {
  message: string;
  code: TRPC_ERROR_CODE_NUMBER;
  data: {
    code: TRPC_ERROR_CODE_KEY;
    httpStatus: number;
    path?: string;
    requestId: string;
    auth: AuthErrorData<R>;
  };
}

interface Definition<P extends keyof ProcedureReasons, Input, Output> {
  meta: object;
  input: Input;
  output: Output;
  errorShape: AuthErrorShape<ReasonOf<P>>;
}
interface Mutation<P extends keyof ProcedureReasons, I, O>
  extends TRPCMutationProcedure<Definition<P, I, O>> {}
interface Query<P extends keyof ProcedureReasons, O>
  extends TRPCQueryProcedure<Definition<P, NoInput | undefined, O>> {}

/** The procedures of the auth router. */
export type AuthProcedures = {
  register: Mutation<"register", RegisterInput, SignedIn | VerificationSent>;
  login: Mutation<"login", LoginInput, SignedIn | MfaRequired>;
  refresh: Mutation<"refresh", RefreshInput | undefined, Tokens>;
  logout: Mutation<"logout", LogoutInput | undefined, Ok>;
  me: Query<"me", Me>;
  stepUp: Mutation<"stepUp", StepUpInput, Tokens>;
  sessions: {
    list: Query<"sessions.list", Session[]>;
    revoke: Mutation<"sessions.revoke", RevokeSessionInput, Ok>;
  };
};

interface AuthRoot {
  ctx: object;
  meta: object;
  errorShape: AuthErrorShape;
  transformer: false;
}

/** The auth router by itself. */
export type AuthRouter = TRPCBuiltRouter<AuthRoot, AuthProcedures>;

/** The router of the stand-alone service: the auth router, mounted as `auth`. */
export type ServiceRouter = TRPCBuiltRouter<AuthRoot, { auth: AuthProcedures }>;
