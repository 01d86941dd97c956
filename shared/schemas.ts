/**
 * Every input and output on the wire. Inputs are strict and bounded; a schema and its type share a name.
 *
 * @module
 */
import { z } from "zod";
import { EMAIL_MAX_LENGTH, PASSWORD_MAX_BYTES, TOKEN_MAX_LENGTH } from "./limits.ts";

// Canonicalise first, validate after (GHSA-7rqj-j65f-68wh: a full-width "@" became a second one).
// Both patterns have one way to match any text, so they take linear time.
const emailPattern = /^[\p{L}\p{N}!#$%&'*+/=?^_`{|}~.-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*$/u;
// Before it is lower-cased: the Kelvin sign becomes a "k".
const usernamePattern = /^[A-Za-z0-9._-]{3,32}$/;

/** An e-mail address: NFKC, lower-cased, one `@`, at most 254 characters. */
export const Email = z.string().max(EMAIL_MAX_LENGTH)
  .transform((text) => text.normalize("NFKC").toLowerCase())
  .pipe(z.string().max(EMAIL_MAX_LENGTH).regex(emailPattern));

/** A user name: lower-cased, 3–32 of `[a-z0-9._-]`. */
export const Username = z.string().max(32).regex(usernamePattern).transform((text) => text.toLowerCase());

// A lone surrogate is refused because two of them would encode, and so hash, alike.
const passwordText = (minLength: number) =>
  z.string().min(minLength).max(16 * PASSWORD_MAX_BYTES).refine((text) => text.isWellFormed());

/** A password as it is typed. */
export const Password = passwordText(1);

/** A password that is to be set. Its length in code points is the policy's to judge, so that the answer can say why. */
export const NewPassword = passwordText(0);

/** 16 random bytes as base64url: exactly 22 characters, one encoding per value. */
export const AttemptId = z.string().regex(/^[A-Za-z0-9_-]{21}[AQgw]$/);

const RefreshTokenText = z.string().max(TOKEN_MAX_LENGTH);

/** Input of procedures that take none. */
export const NoInput = z.strictObject({}).optional();

export const RegisterInput = z.strictObject({
  email: Email.optional(),
  username: Username.optional(),
  password: NewPassword,
}).refine((input) => input.email !== undefined || input.username !== undefined);
export type RegisterInput = z.input<typeof RegisterInput>;

export const LoginInput = z.strictObject({
  identifier: z.string().min(1).max(EMAIL_MAX_LENGTH),
  password: Password,
});
export type LoginInput = z.input<typeof LoginInput>;

export const RefreshInput = z.strictObject({
  refreshToken: RefreshTokenText.optional(),
  attemptId: AttemptId.optional(),
}).default({});
export type RefreshInput = z.input<typeof RefreshInput>;

export const LogoutScope = z.enum(["this", "others", "all"]);
export type LogoutScope = z.infer<typeof LogoutScope>;

export const LogoutInput = z.strictObject({
  scope: LogoutScope.default("this"),
  refreshToken: RefreshTokenText.optional(),
}).default({ scope: "this" });
export type LogoutInput = z.input<typeof LogoutInput>;

export const StepUpInput = z.union([
  z.strictObject({ password: Password }),
  z.strictObject({ code: z.string().min(1).max(64) }),
]);
export type StepUpInput = z.input<typeof StepUpInput>;

export const RevokeSessionInput = z.strictObject({ sessionId: z.guid() });
export type RevokeSessionInput = z.input<typeof RevokeSessionInput>;

export const User = z.strictObject({
  id: z.guid(),
  email: z.string().nullable(),
  username: z.string().nullable(),
  emailVerified: z.boolean(),
  roles: z.array(z.string()),
  createdAt: z.iso.datetime(),
});
export type User = z.infer<typeof User>;

export const Session = z.strictObject({
  id: z.guid(),
  current: z.boolean(),
  createdAt: z.iso.datetime(),
  lastUsedAt: z.iso.datetime(),
  authenticatedAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
  userAgent: z.string().nullable(),
  ip: z.string().nullable(),
  amr: z.array(z.string()),
});
export type Session = z.infer<typeof Session>;

/** Lifetimes are relative, because client clocks are wrong. */
export const Tokens = z.strictObject({
  tokenType: z.literal("Bearer"),
  accessToken: z.string(),
  expiresInSeconds: z.int().nonnegative(),
  refreshToken: z.string().optional(),
  refreshExpiresInSeconds: z.int().nonnegative(),
  sessionId: z.guid(),
  /** Only ever rises within a session. */
  generation: z.int().nonnegative(),
  serverTime: z.iso.datetime(),
});
export type Tokens = z.infer<typeof Tokens>;

export const SignedIn = z.strictObject({ status: z.literal("signed_in"), user: User, tokens: Tokens });
export type SignedIn = z.infer<typeof SignedIn>;

export const VerificationSent = z.strictObject({ status: z.literal("verification_sent") });
export type VerificationSent = z.infer<typeof VerificationSent>;

export const MfaRequired = z.strictObject({
  status: z.literal("mfa_required"),
  ticket: z.string(),
  methods: z.array(z.enum(["totp", "recovery_code"])),
  expiresInSeconds: z.int().nonnegative(),
});
export type MfaRequired = z.infer<typeof MfaRequired>;

export const RegisterOutput = z.discriminatedUnion("status", [SignedIn, VerificationSent]);
export type RegisterOutput = z.infer<typeof RegisterOutput>;

export const LoginOutput = z.discriminatedUnion("status", [SignedIn, MfaRequired]);
export type LoginOutput = z.infer<typeof LoginOutput>;

export const Ok = z.strictObject({ ok: z.literal(true) });
export type Ok = z.infer<typeof Ok>;

export const Me = z.strictObject({
  user: User,
  session: Session,
  /** The app's own claims; the registered ones are broken out in `user` and `session`. */
  claims: z.record(z.string(), z.unknown()),
});
export type Me = z.infer<typeof Me>;
