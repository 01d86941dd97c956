// Run from the built package: `server_journey.js DATABASE_URL`. Migrates, serves a request after the other without a
// listener, closes, prints what was answered as JSON, and ends by itself.
import process from "node:process";
import { createAuth, createLog, migrate } from "@watchword/server";

const [databaseUrl = ""] = process.argv.slice(2);
const origin = "http://watchword.test";

await migrate(databaseUrl);
const auth = await createAuth({
  databaseUrl,
  issuer: origin,
  keyEncryptionSecret: "a secret of a test, and of no other use",
  log: createLog("error", () => {}),
});
const handle = auth.handler(auth.trpc.router({
  auth: auth.router,
  whoAmI: auth.protectedProcedure.query(({ ctx }) => ctx.auth.userId),
}));

async function call(path: string, { body, bearer }: { body?: unknown; bearer?: string } = {}) {
  const headers = new Headers({ host: "watchword.test" });
  if (bearer !== undefined) headers.set("authorization", `Bearer ${bearer}`);
  if (body !== undefined) headers.set("content-type", "application/json");
  const response = await handle(
    new Request(
      `${origin}/trpc/${path}`,
      body === undefined ? { headers } : {
        headers,
        method: "POST",
        body: JSON.stringify(body),
      },
    ),
  );
  return { status: response.status, json: await response.json() };
}

const password = "correct horse battery";
const registered = await call("auth.register", { body: { username: "ada", password } });
const wrong = await call("auth.login", { body: { identifier: "ada", password: "not this one" } });
const { tokens, user } =
  (await call("auth.login", { body: { identifier: "ada", password } })).json.result.data;
const bearer = tokens.accessToken;
const who = await call("whoAmI", { bearer });
await call("auth.logout", { body: {}, bearer });
const revoked = await call("whoAmI", { bearer });
await auth.close();

process.stdout.write(JSON.stringify({
  registered: registered.status,
  wrong: wrong.json.error.data.auth.reason,
  isOwner: who.json.result.data === user.id,
  revoked: revoked.json.error.data.auth.reason,
}));
