// deno-lint-ignore-file no-console -- an example talks to its reader
import { createAuthClient } from "@watchword/client";
import type { AppRouter } from "@watchword/server";

const auth = createAuthClient<AppRouter>({ url: Deno.args[0] ?? "http://127.0.0.1:8000/trpc" });
const result = await auth.login({ identifier: "ada", password: "correct horse battery" });
if (result.status === "rejected") throw new Error(result.reason);

// Your own procedures, typed. An expired access token is renewed on the way.
const { user, session } = await auth.trpc.auth.me.query();
console.log(`${user.username}, signed in by ${session.amr} until ${session.expiresAt}`);
await auth.logout();
