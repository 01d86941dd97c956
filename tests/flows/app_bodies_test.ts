import { assertEquals } from "@std/assert";
import { fetchRequestHandler } from "@trpc/server/adapters/fetch";
import { octetInputParser } from "@trpc/server/http";
import { z } from "zod";
import type { Auth } from "@watchword/server";
import { registerUser, startTestApp } from "../kit/app.ts";

function createUploadApp({ trpc, router, protectedProcedure }: Auth) {
  return trpc.router({
    auth: router,
    form: protectedProcedure.input(z.instanceof(FormData)).mutation(({ input }) =>
      String(input.get("title"))
    ),
    bytes: protectedProcedure.input(octetInputParser).mutation(async ({ input }) =>
      (await new Response(input).bytes()).length
    ),
  });
}

Deno.test("an app's procedures take form data and octet streams, within the app's bound", async () => {
  await using app = await startTestApp({ router: createUploadApp, limits: { bodyBytes: 100_000 } });
  const { tokens: { accessToken: bearer } } = await registerUser(app);
  const form = new FormData();
  form.set("title", "hello");
  assertEquals((await app.call("form", { rawBody: form, bearer })).data, "hello");
  const headers = { "content-type": "application/octet-stream" };
  assertEquals((await app.call("bytes", { rawBody: new Uint8Array(50_000), headers, bearer })).data, 50_000);
  const tooLarge = await app.call("bytes", { rawBody: new Uint8Array(100_001), headers, bearer });
  assertEquals(tooLarge.auth?.reason, "BODY_TOO_LARGE");
  const text = await app.call("form", { rawBody: "a=1", headers: { "content-type": "text/plain" }, bearer });
  assertEquals(text.auth?.reason, "BODY_TYPE");
});

Deno.test("a page's form is taken from the host itself, behind any proxy, and from an allowed origin, and from no other", async () => {
  await using app = await startTestApp({ router: createUploadApp, allowedOrigins: ["https://allowed.test"] });
  const { tokens: { accessToken: bearer } } = await registerUser(app);
  const form = new FormData();
  form.set("title", "hello");
  const send = async (headers: Record<string, string>) => {
    const { data, auth } = await app.call("form", { rawBody: form, bearer, headers });
    return data ?? auth?.reason;
  };
  assertEquals(await send({ origin: app.origin }), "hello");
  assertEquals(await send({ origin: "https://public.test", "sec-fetch-site": "same-origin" }), "hello");
  assertEquals(await send({ origin: "https://allowed.test", "sec-fetch-site": "cross-site" }), "hello");
  assertEquals(await send({ origin: "https://evil.test", "sec-fetch-site": "cross-site" }), "BODY_TYPE");
  assertEquals(
    await send({ origin: "https://evil.public.test", "sec-fetch-site": "same-site" }),
    "BODY_TYPE",
  );
  assertEquals(await send({ origin: "null" }), "BODY_TYPE");
});

Deno.test("a batch that holds an auth procedure keeps the strict limits in an app too", async () => {
  await using app = await startTestApp({ router: createUploadApp });
  const paths = ["auth.me", ...Array(10).fill("auth.sessions.list")].join(",");
  assertEquals((await app.call(`${paths}?batch=1`)).auth?.reason, "INPUT_INVALID");
});

Deno.test("createContext serves an adapter of the app's own, and a forged request is refused by the procedure", async () => {
  await using app = await startTestApp({ allowedOrigins: ["https://app.test"] });
  const router = app.auth.trpc.router({ auth: app.auth.router });
  const serve = (headers: Record<string, string>) =>
    fetchRequestHandler({
      endpoint: "/trpc",
      router,
      createContext: app.auth.createContext,
      req: new Request("http://host.test/trpc/auth.me", { headers }),
    });
  const { tokens } = await registerUser(app);
  const authorization = `Bearer ${tokens.accessToken}`;
  assertEquals((await serve({ authorization })).status, 200);
  assertEquals((await serve({})).status, 401);
  const forged = await serve({ authorization, "x-watchword-mode": "cookie", origin: "https://evil.test" });
  assertEquals((await forged.json()).error.data.auth.reason, "CSRF");
});
