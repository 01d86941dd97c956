import { dictionary } from "@zxcvbn-ts/language-common";
import { PASSWORD_MAX_BYTES, PASSWORD_MAX_CODE_POINTS, type Reason } from "@watchword/shared";

/** Whom a new password is for. */
interface PasswordOwner {
  email: string | null;
  username: string | null;
}

const PRODUCT_NAME = "watchword";
// The whole password is compared, offline (NIST SP 800-63B-4 §3.1.1.2). Ranked by use; some 40,000 entries.
const commonPasswords: ReadonlySet<string> = new Set(dictionary["passwords-common"]);
const encoder = new TextEncoder();

/** Tells whether a password is longer than can be. Longer is refused, never truncated. */
export function isPasswordTooLong(password: string): boolean {
  return encoder.encode(password).length > PASSWORD_MAX_BYTES ||
    Array.from(password).length > PASSWORD_MAX_CODE_POINTS;
}

/**
 * Judges a new password by length and by what guessers try first. No composition rules (ASVS 6.2.5).
 *
 * @returns the reason against it, or null
 */
export function judgePassword(
  password: string,
  { owner, minCodePoints }: { owner: PasswordOwner; minCodePoints: number },
): Reason | null {
  const normal = password.normalize("NFC");
  if (isPasswordTooLong(normal)) return "PASSWORD_TOO_LONG";
  if (Array.from(normal).length < minCodePoints) return "PASSWORD_TOO_SHORT";
  const lower = normal.toLowerCase();
  if (commonPasswords.has(lower)) return "PASSWORD_COMMON";
  const bare = lower.replace(/^[\d\p{P}\p{S}]+/u, "").replace(/[\d\p{P}\p{S}]+$/u, "");
  const personal = [PRODUCT_NAME, owner.email, owner.email?.split("@")[0], owner.username];
  if (personal.some((name) => name && (lower === name || bare === name))) return "PASSWORD_PERSONAL";
  return null;
}
