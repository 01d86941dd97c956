import { z } from "zod";
import { PASSWORD_MAX_CODE_POINTS, PASSWORD_MIN_CODE_POINTS } from "@watchword/shared";
import { findUrlFault, isHost, toUrlHost } from "./database_url.ts";
import { FEED_TOKEN_RULE, feedTokenShape } from "./denylist/feed_format.ts";
import { logLevels } from "./observe/log.ts";

const whole = (fallback: number, { min, max }: { min: number; max: number }) =>
  z.string().regex(/^\d{1,10}$/, "must be a whole number").transform(Number)
    .pipe(z.number().min(min).max(max)).default(fallback);
const origin = z.string().regex(
  /^https?:\/\/[^/\s?#@]+$/,
  "must be an origin such as https://app.example.com",
);
// Anything else would never equal what a browser sends.
const browserOrigin = origin.refine(
  (text) => URL.canParse(text) && new URL(text).origin === text && !text.includes("*"),
  "must be an origin as browsers send it, such as https://app.example.com, without a default port",
);
const YEAR_SECONDS = 366 * 86_400;

/** A secret that stands in `.env.example` protects nothing. */
const exampleSecret = "change-me-to-at-least-32-random-characters";

/** Every setting, by its name in the environment. `.env.example` lists the same, and a test holds them equal. */
export const Environment = z.object({
  HOST: z.string().regex(/^(?!.*\.\.)[A-Za-z0-9.:_-]+$/)
    .refine(
      (host) => isHost(toUrlHost(host)),
      "must be a host name or an address without a port",
    )
    .default("127.0.0.1"),
  PORT: whole(8_000, { min: 0, max: 65_535 }),
  DATABASE_URL: z.string().superRefine((url, { addIssue }) => {
    const message = findUrlFault(url);
    if (message !== null) addIssue({ code: "custom", message });
  }).optional(),
  DATA_DIR: z.string().min(1).default(".watchword"),
  ISSUER: origin.optional(),
  AUDIENCE: z.string().min(1).max(256).default("watchword"),
  KEY_ENCRYPTION_SECRET: z.string().min(32, "must have at least 32 characters")
    .refine((secret) => secret !== exampleSecret, "must not be the example").optional(),
  ACCESS_TOKEN_TTL_SECONDS: whole(600, { min: 1, max: 86_400 }),
  REFRESH_IDLE_TTL_SECONDS: whole(2_592_000, { min: 1, max: YEAR_SECONDS }),
  SESSION_ABSOLUTE_TTL_SECONDS: whole(7_776_000, { min: 1, max: YEAR_SECONDS }),
  REFRESH_LEEWAY_SECONDS: whole(10, { min: 0, max: 300 }),
  REFRESH_REPLAY_WINDOW_SECONDS: whole(86_400, { min: 0, max: YEAR_SECONDS }),
  REVOCATION_MAX_STALENESS_SECONDS: whole(5, { min: 1, max: 300 }),
  REVOCATION_CHECK: z.enum(["database", "replica"]).default("database"),
  REVOCATION_FEED_TOKEN: z.string().regex(feedTokenShape, FEED_TOKEN_RULE).optional(),
  SIGNING_KEY_ROTATION_SECONDS: whole(2_592_000, { min: 3_600, max: YEAR_SECONDS }),
  REGISTRATION: z.enum(["open", "closed"]).default("open"),
  PASSWORD_MIN_LENGTH: whole(PASSWORD_MIN_CODE_POINTS, { min: 8, max: PASSWORD_MAX_CODE_POINTS }),
  RATE_LIMITS: z.enum(["on", "off"]).default("on"),
  ALLOW_UNSAFE: z.enum(["0", "1"]).default("0"),
  TRUSTED_PROXY_HOPS: whole(0, { min: 0, max: 10 }),
  ALLOWED_ORIGINS: z.string().transform((list) => list.split(",").map((item) => item.trim()).filter(Boolean))
    .pipe(z.array(browserOrigin)).default([]),
  LOG_LEVEL: z.enum(logLevels).default("info"),
});
/** The names of all settings. */
export const environmentNames = Object.keys(Environment.shape);
/** The parsed environment. */
export type Config = z.infer<typeof Environment>;

/** What each way to run needs. */
const requiredNames = {
  dev: [],
  migrate: ["DATABASE_URL"],
  start: ["DATABASE_URL", "KEY_ENCRYPTION_SECRET"],
} as const;

/** The settings are faulty. The message has one line a fault and never a value. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/**
 * Parses the environment. Names that are not settings are ignored; an empty value counts as unset.
 *
 * @throws ConfigError with every fault at once
 */
export function parseConfig(
  environment: Readonly<Record<string, string | undefined>>,
  { mode }: { mode: keyof typeof requiredNames },
): Config {
  const known = environmentNames.map((name) => [name, environment[name] || undefined]);
  const parsed = Environment.safeParse(Object.fromEntries(known));
  const faults = parsed.error?.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`) ?? [];
  for (const name of requiredNames[mode]) {
    if (!environment[name]) faults.push(`${name}: is required`);
  }
  if (mode === "start" && environment["RATE_LIMITS"] === "off" && environment["ALLOW_UNSAFE"] !== "1") {
    faults.push("RATE_LIMITS: off is for benchmarks; ALLOW_UNSAFE=1 says that you mean it");
  }
  if (faults.length > 0 || !parsed.success) {
    throw new ConfigError(`the configuration has ${faults.length} fault(s):\n  ${faults.join("\n  ")}`);
  }
  return parsed.data;
}
