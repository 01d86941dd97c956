import { assert, assertEquals } from "@std/assert";
import { createVerifier, type Verifier } from "@watchword/server/verifier";
import { eventually } from "../faults/probe_app.ts";
import { registerUser, startTestApp } from "../kit/app.ts";
import { type Issuer, startIssuer } from "../kit/issuer.ts";
import { sayOf, verifierOf } from "../kit/verifier.ts";

const say = async (verifier: Verifier, token: string) => sayOf(await verifier.verifyToken(token));
const advance = ({ clock }: Issuer, seconds: number) => void (clock.shiftMs += seconds * 1_000);

Deno.test("the keys come from the issuer's own address unless another one is given", async () => {
  await using issuer = await startIssuer();
  const key = await issuer.makeKey();
  issuer.publish([key.jwk]);
  for (
    const [suffix, path] of [["", "/.well-known/jwks.json"], ["/", "/.well-known/jwks.json"], [
      "/auth",
      "/auth/.well-known/jwks.json",
    ]]
  ) {
    issuer.requests.length = 0;
    await using verifier = createVerifier({ issuer: `${issuer.origin}${suffix}`, audience: "watchword" });
    // Genuine, but of another issuer than the one that is expected here.
    assertEquals(await say(verifier, await key.token()), "TOKEN_INVALID");
    assertEquals(issuer.requests, [path]);
  }
});

Deno.test("1,000 calls at once cause one reading of the keys, and as long as they are fresh no other", async () => {
  await using issuer = await startIssuer();
  const key = await issuer.makeKey();
  issuer.publish([key.jwk]);
  await using verifier = issuer.verifier();
  const token = await key.token();
  const said = await Promise.all(Array.from({ length: 1_000 }, () => say(verifier, token)));
  assertEquals(new Set(said), new Set(["valid"]));
  advance(issuer, 200);
  assertEquals(await say(verifier, token), "valid");
  assertEquals(issuer.requests.length, 1);
});

Deno.test("keys are read again before their time is over, by a call that does not wait for it", async () => {
  await using issuer = await startIssuer();
  const key = await issuer.makeKey();
  issuer.publish([key.jwk]);
  await using verifier = issuer.verifier();
  const token = await key.token();
  assertEquals(await say(verifier, token), "valid");
  const gate = Promise.withResolvers<void>();
  issuer.answer = async () => {
    await gate.promise;
    return Response.json({ keys: [key.jwk] });
  };
  advance(issuer, 250);
  assertEquals(await say(verifier, token), "valid");
  await eventually("it is asked", 2_000, () => issuer.requests.length === 2);
  gate.resolve();
});

Deno.test("a key that the issuer dropped verifies nothing once the keys are too old, though its token was seen before", async () => {
  await using issuer = await startIssuer();
  const [old, next] = [await issuer.makeKey(), await issuer.makeKey()];
  issuer.publish([old.jwk, next.jwk]);
  await using verifier = issuer.verifier();
  const token = await old.token();
  assertEquals(await say(verifier, token), "valid");
  issuer.publish([next.jwk]);
  advance(issuer, 301);
  assertEquals(await say(verifier, token), "TOKEN_INVALID");
  assertEquals(await say(verifier, await next.token()), "valid");
});

Deno.test("a key with a known kid and another point replaces the old one", async () => {
  await using issuer = await startIssuer();
  const [first, second] = [await issuer.makeKey("same"), await issuer.makeKey("same")];
  issuer.publish([first.jwk]);
  await using verifier = issuer.verifier();
  const token = await first.token();
  assertEquals(await say(verifier, token), "valid");
  issuer.publish([second.jwk]);
  advance(issuer, 301);
  assertEquals([await say(verifier, token), await say(verifier, await second.token())], [
    "TOKEN_INVALID",
    "valid",
  ]);
});

Deno.test("an unknown kid causes one reading, then none for 10 s, however many come", async () => {
  await using issuer = await startIssuer();
  const [known, unknown, later] = [await issuer.makeKey(), await issuer.makeKey(), await issuer.makeKey()];
  issuer.publish([known.jwk]);
  await using verifier = issuer.verifier();
  assertEquals(await say(verifier, await known.token()), "valid");
  advance(issuer, 11);
  const flood = await Promise.all(
    Array.from({ length: 500 }, async () => say(verifier, await unknown.token())),
  );
  assertEquals(new Set(flood), new Set(["TOKEN_INVALID"]));
  assertEquals(issuer.requests.length, 2);
  issuer.publish([known.jwk, later.jwk]);
  assertEquals(await say(verifier, await later.token()), "TOKEN_INVALID");
  advance(issuer, 10);
  assertEquals(await say(verifier, await later.token()), "valid");
  assertEquals(issuer.requests.length, 3);
});

Deno.test("a rotation at the service is noticed, and no valid token is refused on the way", async () => {
  await using app = await startTestApp({ signingKeyRotationSeconds: 3_600 });
  await using verifier = verifierOf(app);
  const { username, tokens } = await registerUser(app);
  assertEquals(await say(verifier, tokens.accessToken), "valid");
  for (const seconds of [3_600, 400, 400, 400]) {
    await app.advance(seconds);
    await app.auth.runUpkeep();
    const { data } = await app.call("auth.login", {
      body: { identifier: username, password: "correct horse battery" },
    });
    assertEquals(await say(verifier, data.tokens.accessToken), "valid");
  }
});

Deno.test("while the issuer is away, keys that were read within the hour verify; after that nobody can know", async () => {
  await using issuer = await startIssuer();
  const [key, unknown] = [await issuer.makeKey(), await issuer.makeKey()];
  issuer.publish([key.jwk]);
  await using verifier = issuer.verifier();
  assertEquals(await say(verifier, await key.token()), "valid");
  issuer.answer = () => new Response("away", { status: 503 });
  for (const seconds of [301, 600, 1_200, 1_400]) {
    advance(issuer, seconds);
    assertEquals([seconds, await say(verifier, await key.token())], [seconds, "valid"]);
    assertEquals(await say(verifier, await unknown.token()), "UNAVAILABLE");
  }
  advance(issuer, 200);
  const token = await key.token();
  assertEquals(await say(verifier, token), "UNAVAILABLE");
  issuer.publish([key.jwk]);
  advance(issuer, 1);
  assertEquals(await say(verifier, token), "valid");
});

Deno.test("an issuer that is away is asked at most once a second", async () => {
  await using issuer = await startIssuer();
  const key = await issuer.makeKey();
  issuer.answer = () => new Response("away", { status: 503 });
  let ms = 0;
  const startedAt = Date.now();
  const clock = { now: () => new Date(startedAt + ms), monotonicMs: () => ms };
  await using verifier = issuer.verifier({ clock });
  for (let call = 0; call < 50; call++) assertEquals(await say(verifier, await key.token()), "UNAVAILABLE");
  assertEquals(issuer.requests.length, 1);
  ms += 1_000;
  assertEquals(await say(verifier, await key.token()), "UNAVAILABLE");
  assertEquals(issuer.requests.length, 2);
});

Deno.test("an issuer that never finishes its answer is given up after 2 s, and the verdict is UNAVAILABLE", async () => {
  await using issuer = await startIssuer();
  const key = await issuer.makeKey();
  const hung: ReadableStreamDefaultController<Uint8Array>[] = [];
  issuer.answer = () =>
    new Response(
      new ReadableStream<Uint8Array>({
        start(controller) {
          hung.push(controller);
          controller.enqueue(new TextEncoder().encode('{"keys":['));
        },
      }),
    );
  await using verifier = issuer.verifier();
  const result = await verifier.verifyToken(await key.token());
  assert(result.status === "refused" && result.reason === "UNAVAILABLE");
  assertEquals(hung.length, 1);
});
