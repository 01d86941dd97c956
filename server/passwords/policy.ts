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
  const normal = password.normalize("NFC");
  return encoder.encode(normal).length > PASSWORD_MAX_BYTES ||
    Array.from(normal).length > PASSWORD_MAX_CODE_POINTS;
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
  if (isPasswordTooLong(password)) return "PASSWORD_TOO_LONG";
  // Whatever the app has set, even NaN: nobody has an empty password.
  if (!(Array.from(normal).length >= Math.max(1, minCodePoints))) return "PASSWORD_TOO_SHORT";
  const lower = normal.toLowerCase();
  if (commonPasswords.has(lower)) return "PASSWORD_COMMON";
  const personal = [PRODUCT_NAME, owner.email, owner.email?.split("@")[0], owner.username];
  if (personal.some((name) => name && isCloseTo(lower, name))) return "PASSWORD_PERSONAL";
  return null;
}

function isCloseTo(password: string, name: string): boolean {
  const bare = undecorate(name);
  return password === name || (bare !== "" && undecorate(password) === bare);
}

// "ada", "ada99" and "!ada2024" are one guess to those who guess.
function undecorate(text: string): string {
  return text.replace(/^[\d\p{P}\p{S}]+/u, "").replace(/[\d\p{P}\p{S}]+$/u, "");
}
