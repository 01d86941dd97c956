import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  AttemptId,
  Email,
  LogoutInput,
  RefreshInput,
  RegisterInput,
  RevokeSessionInput,
  Username,
} from "./schemas.ts";

Deno.test("R-82: an address that was accepted once is its own canonical form", () => {
  const addresses = fc.emailAddress().map((address) =>
    [...address].map((c, i) => i % 2 ? c.toUpperCase() : c).join("")
  );
  fc.assert(fc.property(addresses, (address) => {
    const parsed = Email.safeParse(address);
    if (!parsed.success) return;
    assertEquals(Email.parse(parsed.data), parsed.data);
    assertEquals(parsed.data, parsed.data.normalize("NFKC").toLowerCase());
    assertEquals(parsed.data.split("@").length, 2);
  }));
});

Deno.test("R-82: no text at all becomes an address with two at-signs, white space or a control character", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
    const parsed = Email.safeParse(`${text}@example.com`);
    if (parsed.success) assert(/^[^\s@\p{C}]+@example\.com$/u.test(parsed.data), parsed.data);
  }));
});

Deno.test("a user name that was accepted is lower case and of the grammar, so never an address", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", minLength: 3, maxLength: 32 }), (text) => {
    const parsed = Username.safeParse(text);
    if (parsed.success) assert(/^[a-z0-9._-]{3,32}$/.test(parsed.data), parsed.data);
  }));
});

// A pattern that backtracks would never come to an end here.
Deno.test("R-81, A-055: addresses made to be slow are judged in linear time", () => {
  const slow = [
    "a".repeat(1_000_000),
    "@".repeat(1_000_000),
    `${"a.".repeat(120)}@${"a-".repeat(60)}!`,
    `a@${"a.".repeat(125)}`,
  ];
  for (const text of slow) assertEquals(Email.safeParse(text).success, false);
});

Deno.test("an attempt id has one spelling: 22 characters whose spare bits are zero", () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
    const id = btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").slice(0, 22);
    assertEquals(AttemptId.safeParse(id).success, true);
  }));
  for (const last of "BCDEFGHIJKLMNOPRSTUVWXYZabcdefhijklmnopqrstuvxyz0123456789-_") {
    assertEquals([last, AttemptId.safeParse("A".repeat(21) + last).success], [last, false]);
  }
});

Deno.test("a missing input means {} where every key is optional, and nothing else does", () => {
  assertEquals(RefreshInput.parse(undefined), {});
  assertEquals(LogoutInput.parse(undefined), { scope: "this" });
  for (const value of [null, "", 0, false, []]) {
    assertEquals([value, RefreshInput.safeParse(value).success], [value, false]);
    assertEquals([value, LogoutInput.safeParse(value).success], [value, false]);
  }
});

Deno.test("R-70: inputs are strict, for keys of the prototype too", () => {
  for (const key of ["extra", "constructor", "toString", "__proto__"]) {
    const body = JSON.parse(`{"username":"ada","password":"correct horse","${key}":1}`);
    assertEquals([key, RegisterInput.safeParse(body).success], [key, false]);
  }
});

Deno.test("a session id is any UUID, and no near miss", () => {
  const parses = (sessionId: unknown) => RevokeSessionInput.safeParse({ sessionId }).success;
  fc.assert(fc.property(fc.uuid(), (id) => assertEquals([id, parses(id)], [id, true])));
  for (
    const id of ["", "x", "01890a5d-ac96-774b-bcce-b302099a805", "01890a5dac96774bbcceb302099a8057", null]
  ) {
    assertEquals([id, parses(id)], [id, false]);
  }
});
