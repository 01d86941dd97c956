import { assert, assertEquals, assertThrows } from "@std/assert";
import { ConfigError, environmentNames, parseConfig } from "./config.ts";

const secret = "a secret of at least thirty-two characters";
const complete = { DATABASE_URL: "postgres://app@127.0.0.1/watchword", KEY_ENCRYPTION_SECRET: secret };

/** The names that the faults are about, in order. */
function faultsOf(
  environment: Record<string, string | undefined>,
  mode: "dev" | "migrate" | "start" = "dev",
): string[] {
  try {
    parseConfig(environment, { mode });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split("\n").slice(1).map((line) => line.trim().split(":")[0] ?? "");
  }
}

Deno.test("nothing set is development with the defaults of the contract", () => {
  const config = parseConfig({}, { mode: "dev" });
  const expected: Partial<typeof config> = {
    HOST: "127.0.0.1",
    PORT: 8_000,
    DATA_DIR: ".watchword",
    AUDIENCE: "watchword",
    ACCESS_TOKEN_TTL_SECONDS: 600,
    REFRESH_IDLE_TTL_SECONDS: 2_592_000,
    SESSION_ABSOLUTE_TTL_SECONDS: 7_776_000,
    REFRESH_LEEWAY_SECONDS: 10,
    REFRESH_REPLAY_WINDOW_SECONDS: 86_400,
    REVOCATION_MAX_STALENESS_SECONDS: 5,
    REVOCATION_CHECK: "database",
    REGISTRATION: "open",
    PASSWORD_MIN_LENGTH: 8,
    RATE_LIMITS: "on",
    TRUSTED_PROXY_HOPS: 0,
    LOG_LEVEL: "info",
  };
  const names = Object.keys(expected) as (keyof typeof config)[];
  assertEquals(Object.fromEntries(names.map((name) => [name, config[name]])), expected);
});

Deno.test("all faults are told at once, each by its name", () => {
  const faults = faultsOf({
    PORT: "70000",
    DATABASE_URL: "mysql://x",
    KEY_ENCRYPTION_SECRET: "short",
    ACCESS_TOKEN_TTL_SECONDS: "ten minutes",
    REFRESH_LEEWAY_SECONDS: "-1",
    REGISTRATION: "maybe",
    LOG_LEVEL: "loud",
    ALLOWED_ORIGINS: "https://ok.example.com, not an origin",
    PASSWORD_MIN_LENGTH: "4",
  });
  assertEquals(
    new Set(faults.map((name) => name.split(".")[0])),
    new Set([
      "PORT",
      "DATABASE_URL",
      "KEY_ENCRYPTION_SECRET",
      "ACCESS_TOKEN_TTL_SECONDS",
      "REFRESH_LEEWAY_SECONDS",
      "REGISTRATION",
      "LOG_LEVEL",
      "ALLOWED_ORIGINS",
      "PASSWORD_MIN_LENGTH",
    ]),
  );
});

Deno.test("a fault never repeats the value, which may be a secret", () => {
  const environment = {
    ...complete,
    KEY_ENCRYPTION_SECRET: "hunter2",
    DATABASE_URL: "mysql://user:pa55@host/db",
  };
  assertThrows(() => parseConfig(environment, { mode: "start" }), ConfigError, "KEY_ENCRYPTION_SECRET");
  try {
    parseConfig(environment, { mode: "start" });
  } catch (error) {
    assert(!/hunter2|pa55/.test(String(error)));
  }
});

Deno.test("R-15: production needs a database and a secret, development does not", () => {
  assertEquals(faultsOf({}, "dev"), []);
  assertEquals(faultsOf({}, "start").sort(), ["DATABASE_URL", "KEY_ENCRYPTION_SECRET"]);
  assertEquals(faultsOf(complete, "start"), []);
});

Deno.test("R-15: a secret of 31 characters, and the one of the example, are refused", () => {
  assertEquals(faultsOf({ ...complete, KEY_ENCRYPTION_SECRET: "x".repeat(31) }, "start"), [
    "KEY_ENCRYPTION_SECRET",
  ]);
  assertEquals(faultsOf({ ...complete, KEY_ENCRYPTION_SECRET: "x".repeat(32) }, "start"), []);
  const example = "change-me-to-at-least-32-random-characters";
  assertEquals(faultsOf({ ...complete, KEY_ENCRYPTION_SECRET: example }, "start"), ["KEY_ENCRYPTION_SECRET"]);
});

Deno.test("an address that nobody could listen on or connect to is a fault, not a crash", () => {
  for (const HOST of ["127.0.0.1:80", "999.1.1.1", "1:2", "::1::", "a..b"]) {
    assertEquals(faultsOf({ HOST }), ["HOST"]);
  }
  for (const HOST of ["0.0.0.0", "::", "::1", "localhost", "db-1.internal"]) {
    assertEquals(faultsOf({ HOST }), []);
  }
  for (const host of ["", "127.0.0.1:99999", "a:1,b:x", "a:", "[::1]:5433", "a:1,,b:2"]) {
    assertEquals([host, faultsOf({ DATABASE_URL: `postgres://u@${host}/x` })], [host, ["DATABASE_URL"]]);
  }
  for (const host of ["a:1,b:2", "db.internal", "db_1:5433"]) {
    assertEquals([host, faultsOf({ DATABASE_URL: `postgres://u@${host}/x` })], [host, []]);
  }
});

Deno.test("a percent sign that the driver could not read is a fault; an unnamed user and host are the driver's to find", () => {
  assertEquals(faultsOf({ DATABASE_URL: "postgres://u:s3cret%pw@h/x" }), ["DATABASE_URL"]);
  for (
    const url of [
      "postgres://u:s3cret%25pw@h/x",
      "postgres://h/x",
      "postgres:///x",
      "postgresql://h:1,h2/x?y=z",
    ]
  ) {
    assertEquals([url, faultsOf({ DATABASE_URL: url })], [url, []]);
  }
});

Deno.test("production without limits has to be meant", () => {
  assertEquals(faultsOf({ ...complete, RATE_LIMITS: "off" }, "start"), ["RATE_LIMITS"]);
  assertEquals(faultsOf({ ...complete, RATE_LIMITS: "off", ALLOW_UNSAFE: "1" }, "start"), []);
  assertEquals(faultsOf({ RATE_LIMITS: "off" }, "dev"), []);
});

Deno.test("an empty value counts as unset, and names that are no settings are ignored", () => {
  const config = parseConfig({ PORT: "", ISSUER: "", PATH: "/bin", port: "1", __proto__: "x" }, {
    mode: "dev",
  });
  assertEquals([config.PORT, config.ISSUER, "PATH" in config], [8_000, undefined, false]);
});

Deno.test("numbers are whole decimal numbers within their bounds and nothing else", () => {
  for (const value of ["1e3", "0x10", "10.5", " 10", "10 ", "+10", "-0", "Infinity", "99999999999", "١٠"]) {
    assertEquals([value, faultsOf({ ACCESS_TOKEN_TTL_SECONDS: value })], [value, [
      "ACCESS_TOKEN_TTL_SECONDS",
    ]]);
  }
  assertEquals(
    parseConfig({ PORT: "0", REFRESH_LEEWAY_SECONDS: "0" }, { mode: "dev" }).REFRESH_LEEWAY_SECONDS,
    0,
  );
});

Deno.test("origins are exact: a scheme, a host and no path, each in a list of commas", () => {
  const parse = (list: string) => parseConfig({ ALLOWED_ORIGINS: list }, { mode: "dev" }).ALLOWED_ORIGINS;
  assertEquals(parse("https://a.example.com, http://localhost:5173,"), [
    "https://a.example.com",
    "http://localhost:5173",
  ]);
  for (
    const bad of [
      "*",
      "a.example.com",
      "https://a.example.com/",
      "https://u@a.example.com",
      "ftp://a",
      "null",
      "https://*.example.com",
      "https://a.example.com:443",
      "http://a.example.com:80",
      "https://A.example.com",
    ]
  ) {
    assertEquals([bad, faultsOf({ ALLOWED_ORIGINS: bad }).length > 0], [bad, true]);
  }
});

Deno.test("the settings of the contract are all there", () => {
  const promised = [
    "HOST",
    "PORT",
    "DATABASE_URL",
    "DATA_DIR",
    "ISSUER",
    "AUDIENCE",
    "KEY_ENCRYPTION_SECRET",
    "ACCESS_TOKEN_TTL_SECONDS",
    "REFRESH_IDLE_TTL_SECONDS",
    "SESSION_ABSOLUTE_TTL_SECONDS",
    "REFRESH_LEEWAY_SECONDS",
    "REFRESH_REPLAY_WINDOW_SECONDS",
    "REVOCATION_MAX_STALENESS_SECONDS",
    "REVOCATION_CHECK",
    "REGISTRATION",
    "PASSWORD_MIN_LENGTH",
    "RATE_LIMITS",
    "TRUSTED_PROXY_HOPS",
    "ALLOWED_ORIGINS",
    "LOG_LEVEL",
  ];
  assertEquals(promised.filter((name) => !environmentNames.includes(name)), []);
});
