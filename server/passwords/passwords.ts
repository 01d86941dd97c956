import { availableParallelism } from "node:os";
import { type Argon2Parameters, hashArgon2id, verifyArgon2id } from "./argon2.ts";
import { createPermits, type Permits } from "./permits.ts";

/** Hashes and checks passwords with Argon2id, no more at once than the machine can carry. */
export interface Passwords {
  /** @returns a PHC string. @throws OVERLOADED */
  hash(password: string): Promise<string>;
  /**
   * Checks a password. With `hashed: null` (nobody has that identifier) it does the same work against a dummy,
   * so that time tells nothing.
   *
   * @throws OVERLOADED
   */
  verify(password: string, hashed: string | null): Promise<boolean>;
  /** Tells whether a hash is weaker than the present parameters. */
  isOutdated(hashed: string): boolean;
}

/** OWASP Password Storage: m = 19 MiB, t = 2, p = 1. */
export const argon2Parameters: Argon2Parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
// Above this a stored hash is an attack on the machine, not a password.
const PARAMETERS_MAX: Argon2Parameters = { memoryCost: 262_144, timeCost: 10, parallelism: 16 };
const MEMORY_BUDGET_KIB = 512 * 1_024;

const phc =
  /^\$argon2id\$v=19\$m=(\d{1,10}),t=(\d{1,10}),p=(\d{1,3})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{16,128}$/;

function parseParameters(hashed: string): Argon2Parameters | null {
  const match = phc.exec(hashed);
  if (match === null) return null;
  return { memoryCost: Number(match[1]), timeCost: Number(match[2]), parallelism: Number(match[3]) };
}

// Below RFC 9106's least the add-on throws, above our most it works for somebody else.
function isBounded({ memoryCost, timeCost, parallelism }: Argon2Parameters): boolean {
  const isPossible = parallelism >= 1 && timeCost >= 1 && memoryCost >= 8 * parallelism;
  return isPossible && memoryCost <= PARAMETERS_MAX.memoryCost && timeCost <= PARAMETERS_MAX.timeCost &&
    parallelism <= PARAMETERS_MAX.parallelism;
}

// One form for what looks alike: "é" typed as one code point or as two is the same password.
const canonical = (password: string) => password.normalize("NFC");

/** Builds the hashing pool. */
export function createPasswords(
  permits: Permits = createPermits({
    permitCount: Math.max(
      1,
      Math.min(availableParallelism(), Math.floor(MEMORY_BUDGET_KIB / argon2Parameters.memoryCost)),
    ),
  }),
): Passwords {
  let dummy: Promise<string> | undefined;
  const hashNow = (password: string) => hashArgon2id(canonical(password), argon2Parameters);

  return {
    hash: (password) => permits.run(() => hashNow(password)),
    verify: (password, hashed) =>
      permits.run(async () => {
        dummy ??= hashNow(crypto.randomUUID());
        const against = hashed ?? await dummy;
        const parameters = parseParameters(against);
        if (parameters === null || !isBounded(parameters)) return false;
        return await verifyArgon2id(against, canonical(password)) && hashed !== null;
      }),
    isOutdated(hashed) {
      const parameters = parseParameters(hashed);
      return parameters === null || parameters.memoryCost < argon2Parameters.memoryCost ||
        parameters.timeCost < argon2Parameters.timeCost;
    },
  };
}
