import { assert, assertEquals } from "@std/assert";
import { dirname, join } from "node:path";
import { readFile } from "./sources.ts";

const path = "examples/docs/from_flask.md";
const page = await readFile(path);

/** Flask-JWT-Extended 4.7.1, `_set_default_configuration_options`. */
const options = `
  TOKEN_LOCATION ACCESS_TOKEN_EXPIRES REFRESH_TOKEN_EXPIRES ALGORITHM DECODE_ALGORITHMS SECRET_KEY PRIVATE_KEY PUBLIC_KEY
  ENCODE_AUDIENCE DECODE_AUDIENCE ENCODE_ISSUER DECODE_ISSUER DECODE_LEEWAY ENCODE_NBF VERIFY_SUB IDENTITY_CLAIM
  ERROR_MESSAGE_KEY HEADER_NAME HEADER_TYPE ACCESS_COOKIE_NAME ACCESS_COOKIE_PATH REFRESH_COOKIE_NAME REFRESH_COOKIE_PATH
  COOKIE_CSRF_PROTECT COOKIE_DOMAIN COOKIE_SAMESITE COOKIE_SECURE SESSION_COOKIE ACCESS_CSRF_COOKIE_NAME
  ACCESS_CSRF_COOKIE_PATH ACCESS_CSRF_FIELD_NAME ACCESS_CSRF_HEADER_NAME REFRESH_CSRF_COOKIE_NAME REFRESH_CSRF_COOKIE_PATH
  REFRESH_CSRF_FIELD_NAME REFRESH_CSRF_HEADER_NAME CSRF_CHECK_FORM CSRF_IN_COOKIES CSRF_METHODS QUERY_STRING_NAME
  QUERY_STRING_VALUE_PREFIX JSON_KEY REFRESH_JSON_KEY
`.trim().split(/\s+/).map((name) => `JWT_${name}`);

const loaders = `
  additional_claims additional_headers decode_key encode_key expired_token invalid_token needs_fresh_token revoked_token
  token_in_blocklist token_verification token_verification_failed unauthorized user_identity user_lookup user_lookup_error
`.trim().split(/\s+/).map((name) => `${name}_loader`);

const guards = `
  jwt_required verify_jwt_in_request optional fresh refresh locations verify_type skip_revocation_check
`.trim().split(/\s+/);

const functions = `
  create_access_token create_refresh_token decode_token current_user get_current_user get_jwt get_jwt_header
  get_jwt_identity get_jwt_request_location get_unverified_jwt_headers get_jti get_csrf_token set_access_cookies
  set_refresh_cookies unset_access_cookies unset_refresh_cookies unset_jwt_cookies
`.trim().split(/\s+/);

/** The rows of a section's tables: what is there, what is here, what shows it. */
function readRows(section: string): string[][] {
  const [, text = ""] = new RegExp(`^## ${section}\n(.*?)(?=^## )`, "ms").exec(page) ?? [];
  return Array.from(text.matchAll(/^\| (.+) \|$/gm), ([, row = ""]) => row.split(" | "))
    .filter(([first = "", here]) => here !== "here" && !first.startsWith("---"));
}

const namesOf = (section: string) => readRows(section).map(([first = ""]) => first.replaceAll("`", ""));

Deno.test("all 43 options of Flask-JWT-Extended have their row, and so have its loaders, guards and functions", () => {
  assertEquals([options.length, loaders.length, functions.length], [43, 15, 17]);
  assertEquals(namesOf("Options"), options);
  assertEquals(namesOf("Loaders"), loaders);
  assertEquals(namesOf("The guard"), guards);
  assertEquals(namesOf("Functions"), functions);
});

Deno.test("each row says yes, partly or no, and what is not a no names a test", () => {
  const rows = ["Options", "Loaders", "The guard", "Functions", "Patterns of its documentation", "Claims"]
    .flatMap(readRows);
  assert(rows.length > 95);
  assertEquals(rows.filter(([, here = ""]) => !/^\*\*(?:Yes|Partly|No)\.\*\* \S/.test(here)), []);
  const unproven = rows.filter(([, here = "", shown = ""]) =>
    !here.startsWith("**No") && !shown.startsWith("[")
  );
  assertEquals(unproven.map(([name]) => name), []);
});

Deno.test("each test that the table names is in the file that it links to", async () => {
  const links = Array.from(page.matchAll(/\[([^\]]+)\]\((\.\.\/[^)]+_test\.ts)\)/g));
  assert(links.length > 90);
  const lost: string[] = [];
  for (const [, name = "", target = ""] of links) {
    if (!(await readFile(join(dirname(path), target))).includes(name)) lost.push(name);
  }
  assertEquals(lost, []);
});
