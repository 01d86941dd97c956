import { assertEquals } from "@std/assert";
import { createAuthClient } from "@watchword/client";
import { createFakeAuthServer, type FakeAuth } from "@watchword/client/testing";

const createRouter = ({ trpc, router, protectedProcedure }: FakeAuth) =>
  trpc.router({ auth: router, read: protectedProcedure.query(() => "read") });

Deno.test("an app's API and the auth service may stand at two origins: each is asked for its own, with one session", async () => {
  const server = createFakeAuthServer({ router: createRouter });
  const asked: string[] = [];
  const spy: typeof fetch = (input, init) => {
    const { origin, pathname } = new URL(String(input));
    const isSigned = new Headers(init?.headers).has("authorization");
    asked.push(`${origin}${pathname}${isSigned ? " signed" : ""}`);
    return pathname === "/files" ? Promise.resolve(new Response("file")) : server.fetch(input, init);
  };
  using client = createAuthClient<ReturnType<typeof createRouter>>({
    url: "https://api.example.test/trpc/",
    authUrl: new URL("https://auth.example.test/trpc"),
    fetch: spy,
  });
  await client.register({ username: "ada", password: "correct horse battery" });
  assertEquals(await client.trpc.read.query(), "read");
  assertEquals(await (await client.fetch("/files")).text(), "file");
  await client.getAccessToken({ force: true });
  await client.logout();
  assertEquals(asked, [
    "https://auth.example.test/trpc/auth.register",
    "https://api.example.test/trpc/read signed",
    "https://api.example.test/files signed",
    "https://auth.example.test/trpc/auth.refresh",
    "https://auth.example.test/trpc/auth.logout signed",
  ]);
});
