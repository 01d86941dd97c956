import type { RegisteredClaims } from "@watchword/shared";

/** What a verified token says. `own` are the app's claims. */
export interface AccessTokenClaims {
  registered: RegisteredClaims;
  own: Record<string, unknown>;
}

/** 9999-12-31, as in the schema. */
const NUMERIC_DATE_MAX = 253_402_300_799;
const guid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

const isText = (value: unknown): value is string => typeof value === "string";
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);
const isGuid = (value: unknown): value is string => isText(value) && guid.test(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isDate = (value: unknown): value is number => isCount(value) && value > 0 && value <= NUMERIC_DATE_MAX;

// The schema again without zod, so that a verifier stays small. parse_claims_test.ts holds the two equal.
const checks: {
  [Name in keyof RegisteredClaims]: (value: unknown) => value is RegisteredClaims[Name];
} = {
  iss: isText,
  aud: isText,
  sub: isGuid,
  client_id: isText,
  iat: isDate,
  exp: isDate,
  jti: isText,
  sid: isGuid,
  ep: isCount,
  auth_time: isDate,
  amr: isTexts,
  roles: isTexts,
};

/** The names of the claims that Watchword owns, all of them required. */
export const registeredClaimNames = Object.keys(checks) as (keyof RegisteredClaims)[];

function freezeDeep<T extends object>(value: T): T {
  for (const member of Object.values(value)) {
    if (typeof member === "object" && member !== null) freezeDeep(member);
  }
  return Object.freeze(value);
}

/** Splits a payload into Watchword's claims and the app's own; null when one of the former does not fit. */
export function parseClaims(payload: Readonly<Record<string, unknown>>): AccessTokenClaims | null {
  if (!registeredClaimNames.every((name) => Object.hasOwn(payload, name) && checks[name](payload[name]))) {
    return null;
  }
  const entries = Object.entries(payload);
  const pick = (isRegistered: boolean) =>
    Object.fromEntries(entries.filter(([name]) => Object.hasOwn(checks, name) === isRegistered));
  const registered = pick(true) as RegisteredClaims;
  // They are remembered with the token, and one caller must not change them for the next.
  return freezeDeep({ registered, own: pick(false) });
}
