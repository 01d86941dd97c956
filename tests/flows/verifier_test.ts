import { assert, assertEquals, assertThrows } from "@std/assert";
import { createVerifier, refusalResponse } from "@watchword/server/verifier";
import { z } from "zod";
import { registerUser, startTestApp } from "../kit/app.ts";
import { requireCaller, sayOf, verifierOf } from "../kit/verifier.ts";

Deno.test("another service knows the caller of a token by the issuer's keys alone", async () => {
  await using app = await startTestApp();
  const { user, tokens } = await registerUser(app);
  await using verifier = verifierOf(app);
  const result = await verifier.verify(`Bearer ${tokens.accessToken}`);
  const { authenticatedAt, expiresAt, ...caller } = requireCaller(result);
  assertEquals(caller, {
    userId: user.id,
    sessionId: tokens.sessionId,
    epoch: 0,
    roles: [],
    amr: ["pwd"],
    claims: {},
  });
  assert(expiresAt > authenticatedAt);
  assertEquals(await verifier.verifyToken(tokens.accessToken), result);
});

Deno.test("a caller's roles cannot be changed for the next call with the same token", async () => {
  await using app = await startTestApp();
  const { tokens } = await registerUser(app);
  await using verifier = verifierOf(app);
  const first = await verifier.verifyToken(tokens.accessToken);
  assertThrows(() => (requireCaller(first).roles as string[]).push("admin"), TypeError);
  const second = await verifier.verifyToken(tokens.accessToken);
  assertEquals(requireCaller(second).roles, []);
});

Deno.test("an Authorization header is read as the service reads it", async () => {
  await using app = await startTestApp();
  const { tokens: { accessToken } } = await registerUser(app);
  await using verifier = verifierOf(app);
  const headers = [
    `Bearer ${accessToken}`,
    `bearer ${accessToken}`,
    `BEARER   ${accessToken}`,
    `Bearer ${accessToken} ${accessToken}`,
    `Bearer ${accessToken}, Bearer ${accessToken}`,
    `Bearer\t${accessToken}`,
    `Bearer,${accessToken}`,
    `Bearer ${accessToken}=`,
    `Bearer`,
    `Bearer x`,
    `Bearer${accessToken}`,
    `Basic ${accessToken}`,
    `DPoP ${accessToken}`,
    accessToken,
    "x",
  ];
  for (const authorization of headers) {
    const { status, auth } = await app.call("auth.me", { headers: { authorization } });
    const expected = status === 200 ? "valid" : auth?.reason;
    assertEquals([authorization, sayOf(await verifier.verify(authorization))], [authorization, expected]);
  }
  for (const none of [null, undefined, ""]) assertEquals(sayOf(await verifier.verify(none)), "TOKEN_MISSING");
});

Deno.test("a token is judged by the time, 5 s either way, at every call", async () => {
  await using app = await startTestApp();
  const { tokens } = await registerUser(app);
  await using verifier = verifierOf(app);
  const at = async (seconds: number) => {
    app.clock.shiftMs = seconds * 1_000;
    return sayOf(await verifier.verifyToken(tokens.accessToken));
  };
  assertEquals(
    [await at(0), await at(-4), await at(-60), await at(500), await at(606)],
    ["valid", "valid", "TOKEN_INVALID", "valid", "TOKEN_EXPIRED"],
  );
  assertEquals(await at(0), "valid");
});

Deno.test("a token for another audience or of another issuer is TOKEN_INVALID", async () => {
  await using app = await startTestApp();
  const { tokens } = await registerUser(app);
  for (const other of [{ audience: "elsewhere" }, { issuer: "http://watchword.test/" }]) {
    await using verifier = verifierOf(app, other);
    assertEquals(sayOf(await verifier.verifyToken(tokens.accessToken)), "TOKEN_INVALID");
  }
});

Deno.test("an app's own claims come typed, through the schema that the service has", async () => {
  const schema = z.object({ plan: z.enum(["free", "pro"]) });
  await using app = await startTestApp({ claims: { schema, make: () => ({ plan: "pro" as const }) } });
  const { tokens } = await registerUser(app);
  const settings = {
    issuer: "http://watchword.test",
    audience: "watchword",
    jwksUrl: `${app.origin}/.well-known/jwks.json`,
  };
  await using verifier = createVerifier({ ...settings, claims: schema });
  const result = await verifier.verifyToken(tokens.accessToken);
  const plan: "free" | "pro" = requireCaller(result).claims.plan;
  assertEquals(plan, "pro");
  await using stricter = createVerifier({ ...settings, claims: schema.extend({ seats: z.int() }) });
  assertEquals(sayOf(await stricter.verifyToken(tokens.accessToken)), "TOKEN_INVALID");
  await using blind = createVerifier(settings);
  const unseen = await blind.verifyToken(tokens.accessToken);
  assertEquals(requireCaller(unseen).claims, {});
});

Deno.test("a refusal becomes an answer that says its reason, how to go on, and nothing else", async () => {
  const readable = async (reason: Parameters<typeof refusalResponse>[0]["reason"]) => {
    const response = refusalResponse({ status: "refused", reason, cause: new Error("a host name") });
    const { headers } = response;
    assertEquals(headers.get("content-type"), "application/problem+json");
    assertEquals(headers.get("cache-control"), "no-store");
    const { status, title, reason: said } = await response.json();
    assertEquals([status, said], [response.status, reason]);
    return [status, title, headers.get("www-authenticate"), headers.get("retry-after")];
  };
  const invalid = [401, "Unauthorized", 'Bearer error="invalid_token"', null];
  assertEquals(await readable("TOKEN_MISSING"), [401, "Unauthorized", "Bearer", null]);
  for (const reason of ["TOKEN_INVALID", "TOKEN_EXPIRED", "SESSION_REVOKED"] as const) {
    assertEquals(await readable(reason), invalid);
  }
  assertEquals(await readable("UNAVAILABLE"), [503, "Service Unavailable", null, "1"]);
});

Deno.test("keys and revocations are never read over a way that others can change", () => {
  const settings = { issuer: "https://auth.example.com", audience: "watchword" };
  const bad = [
    "http://auth.example.com/keys",
    "http://127.0.0.1.example.com/keys",
    "http://localhost.example.com/keys",
    "ftp://127.0.0.1/keys",
    "file:///keys",
    "data:application/json,{}",
    "https://user:secret@auth.example.com/keys",
    "https://auth.example.com/keys#x",
    "/keys",
    "",
  ];
  for (const url of bad) {
    assertThrows(() => createVerifier({ ...settings, jwksUrl: url }), TypeError, "jwksUrl");
    const revocations = { token: "x", url };
    assertThrows(() => createVerifier({ ...settings, revocations }), TypeError, "revocations.url");
  }
  assertThrows(() => createVerifier({ ...settings, issuer: "watchword" }), TypeError);
  for (const maxStalenessSeconds of [0, 1, -1, NaN]) {
    assertThrows(() => createVerifier({ ...settings, maxStalenessSeconds }), RangeError);
  }
});
