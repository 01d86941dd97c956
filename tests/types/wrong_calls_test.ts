import { assertEquals } from "@std/assert";
import { type AuthClient, createAuthClient } from "@watchword/client";
import type { AppRouter, Auth, AuthOptions } from "@watchword/server";
import { z } from "zod";

// Compiled and never called. Each directive fails the build as soon as the line below it would compile.
async function wrongCalls({ trpc, login, register, logout }: AuthClient<AppRouter>) {
  // @ts-expect-error -- the password is missing
  await trpc.auth.login.mutate({ identifier: "ada" });
  // @ts-expect-error -- it is called identifier
  await trpc.auth.login.mutate({ username: "ada", password: "x" });
  // @ts-expect-error -- a number is no password
  await trpc.auth.login.mutate({ identifier: "ada", password: 1 });
  // @ts-expect-error -- inputs are strict
  await trpc.auth.login.mutate({ identifier: "ada", password: "x", isAdmin: true });
  // @ts-expect-error -- a mutation is not queried
  await trpc.auth.login.query({ identifier: "ada", password: "x" });
  // @ts-expect-error -- a query is not mutated
  await trpc.auth.me.mutate();
  // @ts-expect-error -- there is no such procedure
  await trpc.auth.signIn.mutate({});
  // @ts-expect-error -- the router is mounted as auth
  await trpc.login.mutate({ identifier: "ada", password: "x" });
  // @ts-expect-error -- no such scope
  await trpc.auth.logout.mutate({ scope: "everyone" });
  // @ts-expect-error -- a session is named by its id
  await trpc.auth.sessions.revoke.mutate({ id: "x" });
  // @ts-expect-error -- an input is required
  await trpc.auth.sessions.revoke.mutate();
  // @ts-expect-error -- tokens are not shown to the app
  (await login({ identifier: "ada", password: "x" })).tokens;
  // @ts-expect-error -- a result has to be told apart first
  (await login({ identifier: "ada", password: "x" })).user;
  // @ts-expect-error -- roles are not for the asking
  await register({ username: "ada", password: "x", roles: ["admin"] });
  // @ts-expect-error -- no such scope
  await logout({ scope: "everyone" });
}

function wrongOutputs({ state }: AuthClient<AppRouter>) {
  // @ts-expect-error -- only a signed-in state has a user
  state.user;
  // @ts-expect-error -- a state is told apart by these statuses only
  if (state.status === "signed_in") return;
  // @ts-expect-error -- snapshots are immutable
  state.status = "anonymous";
}

function wrongOptions() {
  // @ts-expect-error -- the endpoint is required
  createAuthClient<AppRouter>({});
  // @ts-expect-error -- no such storage
  createAuthClient<AppRouter>({ url: "/trpc", storage: "cookie jar" });
  // @ts-expect-error -- a store of one's own is wrapped by persistent()
  createAuthClient<AppRouter>({ url: "/trpc", storage: { get: () => null, set: () => {} } });
  // @ts-expect-error -- cookieMode() is spread into the settings
  createAuthClient<AppRouter>({ url: "/trpc", mode: "cookie" });
  // @ts-expect-error -- the secret is required
  const options: AuthOptions = { databaseUrl: "postgres://", issuer: "http://x" };
  return options;
}

function wrongProcedures({ procedure, protectedProcedure, publicProcedure }: Auth) {
  // @ts-expect-error -- a policy says whether a sign-in is required
  procedure({ revocation: "strict" });
  // @ts-expect-error -- no such way of checking
  procedure({ auth: "required", revocation: "sometimes" });
  // @ts-expect-error -- the caller's identity cannot be rewritten
  protectedProcedure.query(({ ctx }) => ctx.auth.userId = "somebody else");
  // @ts-expect-error -- nobody is signed in here
  publicProcedure.query(({ ctx }) => ctx.auth.userId);
  // @ts-expect-error -- a caller may be missing
  procedure({ auth: "optional" }).query(({ ctx }) => ctx.auth.userId);
  // @ts-expect-error -- the input is a string
  protectedProcedure.input(z.string()).query(({ input }) => input.id);
}

Deno.test("a wrong call, a wrong use of an answer, a wrong option and a wrong procedure do not compile", async () => {
  assertEquals(
    [wrongCalls, wrongOutputs, wrongOptions, wrongProcedures].map((proof) => typeof proof),
    Array(4).fill("function"),
  );
  const command = new Deno.Command(Deno.execPath(), {
    args: ["check", "--quiet", ...(await filesHere())],
    env: { NO_COLOR: "1" },
    stderr: "piped",
  });
  const { code, stderr } = await command.output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
});

async function filesHere(): Promise<string[]> {
  const folder = new URL(".", import.meta.url);
  const files: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (name.endsWith(".ts")) files.push(decodeURIComponent(new URL(name, folder).pathname));
  }
  return files;
}
