import { createRequire } from "node:module";
import process from "node:process";

/** The native Argon2 add-on, as far as it is used here. */
interface Argon2Addon {
  hash(password: string, options: Argon2Parameters & { algorithm: number }): Promise<string>;
  verify(hashed: string, password: string): Promise<boolean>;
}

/** Work factors (RFC 9106 §3.1): memory in KiB, passes, lanes. */
export interface Argon2Parameters {
  memoryCost: number;
  timeCost: number;
  parallelism: number;
}

const ARGON2ID = 2;
// The package's own loader also reads environment variables, /usr/bin/ldd and system information. Asking for
// the platform's file alone lets the sandbox grant ffi on that one file and nothing else.
const platformNames: Record<string, string[]> = {
  "linux x64": ["linux-x64-gnu", "linux-x64-musl"],
  "linux arm64": ["linux-arm64-gnu", "linux-arm64-musl"],
  "darwin x64": ["darwin-x64"],
  "darwin arm64": ["darwin-arm64"],
  "win32 x64": ["win32-x64-msvc"],
};

function loadAddon(): Argon2Addon {
  const fromHere = createRequire(import.meta.url);
  const fromPackage = createRequire(fromHere.resolve("@node-rs/argon2"));
  const names = platformNames[`${process.platform} ${process.arch}`] ?? [];
  const failures: unknown[] = [];
  for (const name of names) {
    try {
      return fromPackage(`@node-rs/argon2-${name}`);
    } catch (error) {
      failures.push(error);
    }
  }
  throw new AggregateError(failures, `Argon2 could not be loaded for ${process.platform} ${process.arch}`);
}

let addon: Argon2Addon | undefined;

/** Hashes with Argon2id and a random 16-byte salt. @returns a PHC string */
export function hashArgon2id(password: string, parameters: Argon2Parameters): Promise<string> {
  addon ??= loadAddon();
  return addon.hash(password, { ...parameters, algorithm: ARGON2ID });
}

/** Checks a password against a PHC string whose parameters the caller has judged. */
export function verifyArgon2id(hashed: string, password: string): Promise<boolean> {
  addon ??= loadAddon();
  return addon.verify(hashed, password);
}
