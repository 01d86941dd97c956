// deno-lint-ignore-file no-console -- an example talks to its reader
import { createAuth, migrate } from "@watchword/server";

// 1. Set up: keys are made, kept encrypted in PostgreSQL, and rotated.
const port = Number(Deno.env.get("PORT") ?? 8000);
const databaseUrl = Deno.env.get("DATABASE_URL") ?? "";
await migrate(databaseUrl);
const auth = await createAuth({
  databaseUrl,
  issuer: `http://127.0.0.1:${port}`,
  keyEncryptionSecret: Deno.env.get("KEY_ENCRYPTION_SECRET") ?? "",
  accessTokenTtlSeconds: 600,
});

const appRouter = auth.trpc.router({
  // 2. Register is POST /v1/register: Argon2id, a password policy, and a name is nobody else's.
  // 3. Log in is POST /v1/login, and gives both tokens. Guesses are limited.
  auth: auth.router,

  // 4. Protect.
  protected: auth.protectedProcedure
    .meta({ rest: "GET /v1/protected" })
    .query(({ ctx }) => ({ logged_in_as: ctx.auth.userId })),

  // 5. Refresh is POST /v1/token/refresh, and part of `auth`. Each refresh token works once; a stolen one shows.

  // 6. Ask for a fresh sign-in: how recent is said here. POST /v1/step-up takes the password again.
  payout: auth.procedure({ auth: "required", maxAgeSeconds: 600 })
    .meta({ rest: "POST /v1/payout" })
    .mutation(() => ({ paid: true })),
  // 7. Log out is POST /v1/logout, and part of `auth`. It ends the session: both tokens, everywhere, for good.
});

// 8. Run.
const onListen = () => console.log(`listening on http://127.0.0.1:${port}`);
Deno.serve({ hostname: "127.0.0.1", port, onListen }, auth.handler(appRouter));
