import { password } from "../../kit/app.ts";
import { requestHead } from "../../kit/raw_http.ts";
import { badCall, type BadInput, badShot, canary } from "./bad_input.ts";

const json = { "content-type": "application/json" };
const login = JSON.stringify({ identifier: canary, password });
const megabyte = `{"identifier":"${canary}${"a".repeat(1_048_576)}"}`;

function chunked(text: string, chunkCount: number): string {
  const size = Math.ceil(text.length / chunkCount);
  const chunks = Array.from({ length: chunkCount }, (_, i) => text.slice(i * size, (i + 1) * size)).filter(
    Boolean,
  );
  return chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join("") + "0\r\n\r\n";
}

const sizeCases = [
  badCall("a body of a megabyte", "413 BODY_TOO_LARGE", "auth.login", { rawBody: megabyte, headers: json }),
  badCall("a body of one byte too many", "413 BODY_TOO_LARGE", "auth.login", {
    rawBody: login.padEnd(16_385, " "),
    headers: json,
  }),
  badShot("a chunked body of a megabyte, its length unsaid", "413 BODY_TOO_LARGE", () => ({
    raw: [
      requestHead("POST", "/trpc/auth.login", { ...json, "transfer-encoding": "chunked" }),
      chunked(megabyte, 64),
    ],
  })),
  badShot("a declared length of ten gigabytes", "413 BODY_TOO_LARGE", () => ({
    raw: [requestHead("POST", "/trpc/auth.login", { ...json, "content-length": "10000000000" }), login],
  })),
  badCall("a large body on an unknown procedure", "413 BODY_TOO_LARGE", "auth.nothing", {
    rawBody: megabyte,
    headers: json,
  }),
];

const types = [
  "text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
  "application/octet-stream",
  "text/json",
  "application/jsonx",
  "application/json, text/plain",
  "application/problem+json",
  "*/*",
  "json",
];

const typeCases = [
  ...types.map((type) =>
    badCall(`a body of type ${type}`, "415 BODY_TYPE", "auth.login", {
      rawBody: login,
      headers: { "content-type": type },
    })
  ),
  badShot("a body without a type", "415 BODY_TYPE", () => ({
    raw: [requestHead("POST", "/trpc/auth.login", { "content-length": String(login.length) }), login],
  })),
  badShot("A-100: a cross-site form that logs out", "415 BODY_TYPE", ({ tokens }) => ({
    path: "auth.logout",
    rawBody: `--x\r\ncontent-disposition: form-data; name="scope"\r\n\r\nall\r\n--x--`,
    headers: { "content-type": "multipart/form-data; boundary=x" },
    bearer: tokens.accessToken,
  })),
];

const gzip = new Uint8Array([31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 171, 174, 5, 0, 67, 191, 166, 163, 2, 0, 0, 0]);
const notJson = {
  "text that is not JSON": canary,
  "half of an object": login.slice(0, -1),
  "two objects": login + login,
  "single quotes": `{'identifier':'${canary}'}`,
  "a trailing comma": `{"identifier":"${canary}",}`,
  "NaN": "NaN",
  "a form": `identifier=${canary}&password=x`,
  "bytes that are not UTF-8": new Uint8Array([123, 34, 255, 254, 34, 58, 49, 125]),
  "gzip": gzip,
  "white space only": "   \n",
  "8,000 arrays in one another": "[".repeat(8_000) + "]".repeat(8_000),
  "8,000 arrays that do not end": "[".repeat(16_000),
  "2,700 objects in one another": `${'{"a":'.repeat(2_700)}1${"}".repeat(2_700)}`,
  "3,000 levels in a field": `{"identifier":${"[".repeat(3_000)}${"]".repeat(3_000)},"password":"x"}`,
};

const notJsonCases = Object.entries(notJson).map(([what, rawBody]) =>
  badCall(`a body of ${what}`, "400 INPUT_INVALID", "auth.login", { rawBody, headers: json })
);

/** Bodies that are too large, of another type, or not JSON. */
export const bodyCases: BadInput[] = [...sizeCases, ...typeCases, ...notJsonCases];
