import { PASSWORD_MAX_BYTES, TOKEN_MAX_LENGTH } from "@watchword/shared/limits";
import { FakeRefusal } from "./fake_refusal.ts";

type Check = (value: unknown) => boolean;

const isText = (max: number, min = 0): Check => (value) =>
  typeof value === "string" && value.length >= min && value.length <= max;
const matches = (pattern: RegExp): Check => (value) => typeof value === "string" && pattern.test(value);

const password = isText(16 * PASSWORD_MAX_BYTES, 1);
const token = isText(TOKEN_MAX_LENGTH);
const fields = {
  email: matches(/^[^@\s]+@[^@\s]+$/),
  username: matches(/^[a-zA-Z0-9._-]{3,32}$/),
  identifier: isText(254, 1),
  password,
  code: isText(64, 1),
  refreshToken: token,
  attemptId: matches(/^[A-Za-z0-9_-]{21}[AQgw]$/),
  scope: (value: unknown) => ["this", "others", "all"].includes(String(value)),
  sessionId: matches(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i),
} satisfies Record<string, Check>;

type Field = keyof typeof fields;

/**
 * Reads a strict input: the required fields, any of the optional ones, and nothing else. A missing input counts as
 * `{}` where nothing is required. What may be empty, the procedure refuses with a reason of its own.
 */
export function readFields<R extends Field = never, O extends Field = never>(
  { required = [], optional = [], mayBeEmpty = [] }: {
    required?: readonly R[];
    optional?: readonly O[];
    mayBeEmpty?: readonly NoInfer<R>[];
  },
) {
  return (input: unknown): Record<R, string> & Partial<Record<O, string>> => {
    const given = input === undefined && required.length === 0 ? {} : input;
    const known: readonly Field[] = [...required, ...optional];
    const isFitting = typeof given === "object" && given !== null && !Array.isArray(given) &&
      required.every((name) => name in given) &&
      Object.entries(given).every(([name, value]) =>
        (value === "" && mayBeEmpty.some((field) => field === name)) ||
        known.some((field) => field === name && (fields[field](value) || isAbsent(value, required, name)))
      );
    if (!isFitting) throw new FakeRefusal("INPUT_INVALID");
    return given as Record<R, string> & Partial<Record<O, string>>;
  };
}

const isAbsent = (value: unknown, required: readonly string[], name: string) =>
  value === undefined && !required.includes(name);
