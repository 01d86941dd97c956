import type { ProcedureReasons } from "@watchword/shared/contract";
import { password, type RawAnswer, registerUser, type TestApp } from "../kit/app.ts";
import { rotate } from "../kit/sessions.ts";

type Procedure = keyof ProcedureReasons;
type Guarded = "TOKEN_MISSING" | "TOKEN_INVALID" | "TOKEN_EXPIRED" | "SESSION_REVOKED";

/** Calls one procedure so that it answers one reason. */
type Provocation = (app: TestApp) => Promise<RawAnswer>;

const dayInSeconds = 86_400;
const longerThanAccess = 11 * 60;
const longerThanIdle = 31 * dayInSeconds;

const input: { [P in Procedure]?: Record<string, unknown> } = {
  "logout": {},
  "stepUp": { password },
  "sessions.revoke": { sessionId: crypto.randomUUID() },
};

/** What any guarded procedure answers to a bearer that does not do. */
function bearerProvocations(procedure: Procedure): Record<Guarded, Provocation> {
  const path = `auth.${procedure}`;
  const call = (app: TestApp, bearer?: string) => app.call(path, { body: input[procedure], bearer });
  return {
    TOKEN_MISSING: (app) => call(app),
    TOKEN_INVALID: (app) => call(app, "a.b.c"),
    async TOKEN_EXPIRED(app) {
      const { tokens } = await registerUser(app);
      await app.advance(longerThanAccess);
      return await call(app, tokens.accessToken);
    },
    async SESSION_REVOKED(app) {
      const { tokens } = await registerUser(app);
      await app.call("auth.logout", { body: {}, bearer: tokens.accessToken });
      return await call(app, tokens.accessToken);
    },
  };
}

const register = (app: TestApp, body: Record<string, unknown>) =>
  app.call("auth.register", {
    body: { username: `new-${crypto.randomUUID().slice(0, 8)}`, password, ...body },
  });

const logoutOfAll = (app: TestApp, body: Record<string, unknown>, bearer?: string) =>
  app.call("auth.logout", { body: { scope: "all", ...body }, bearer });

async function stepUp(app: TestApp, proof: Record<string, unknown>): Promise<RawAnswer> {
  const { tokens } = await registerUser(app);
  return await app.call("auth.stepUp", { body: proof, bearer: tokens.accessToken });
}

/** A way to each reason of each procedure. The contract names them; one too few or too many does not compile. */
export const provocations: { [P in Procedure]: { [R in ProcedureReasons[P]]: Provocation } } = {
  "register": {
    PASSWORD_TOO_SHORT: (app) => register(app, { password: "7 chars" }),
    PASSWORD_TOO_LONG: (app) => register(app, { password: "x".repeat(257) }),
    PASSWORD_COMMON: (app) => register(app, { password: "password1" }),
    PASSWORD_PERSONAL: (app) => register(app, { username: "ada.lovelace", password: "ada.lovelace1815" }),
    async IDENTIFIER_TAKEN(app) {
      const { username } = await registerUser(app);
      return await register(app, { username });
    },
    async REGISTRATION_CLOSED(app) {
      return await register(await app.startInstance({ registration: "closed" }), {});
    },
  },
  "login": {
    INVALID_CREDENTIALS: (app) => app.call("auth.login", { body: { identifier: "nobody", password } }),
    PASSWORD_TOO_LONG: (app) =>
      app.call("auth.login", { body: { identifier: "nobody", password: "x".repeat(257) } }),
  },
  "refresh": {
    REFRESH_INVALID: (app) => app.call("auth.refresh", { body: { refreshToken: "none of ours" } }),
    async REFRESH_EXPIRED(app) {
      const { tokens: { refreshToken } } = await registerUser(app);
      await app.advance(longerThanIdle);
      return await app.call("auth.refresh", { body: { refreshToken } });
    },
    async REFRESH_REUSED(app) {
      const { tokens: { refreshToken } } = await registerUser(app);
      await rotate(app, await rotate(app, refreshToken));
      return await app.call("auth.refresh", { body: { refreshToken } });
    },
    async SESSION_REVOKED(app) {
      const { tokens: { refreshToken } } = await registerUser(app);
      await app.call("auth.logout", { body: { refreshToken } });
      return await app.call("auth.refresh", { body: { refreshToken } });
    },
  },
  "logout": {
    ...bearerProvocations("logout"),
    async TOKEN_EXPIRED(app) {
      const { tokens } = await registerUser(app);
      await app.advance(longerThanAccess);
      return await logoutOfAll(app, {}, tokens.accessToken);
    },
    async SESSION_REVOKED(app) {
      const { tokens } = await registerUser(app);
      await app.call("auth.logout", { body: {}, bearer: tokens.accessToken });
      return await logoutOfAll(app, {}, tokens.accessToken);
    },
    REFRESH_INVALID: (app) => app.call("auth.logout", { body: { refreshToken: "none of ours" } }),
    async REFRESH_EXPIRED(app) {
      const { tokens: { refreshToken } } = await registerUser(app);
      await app.advance(longerThanIdle);
      return await logoutOfAll(app, { refreshToken });
    },
    async FORBIDDEN(app) {
      const [mine, others] = [await registerUser(app), await registerUser(app)];
      const { refreshToken } = others.tokens;
      return await app.call("auth.logout", { body: { refreshToken }, bearer: mine.tokens.accessToken });
    },
  },
  "me": bearerProvocations("me"),
  "stepUp": {
    ...bearerProvocations("stepUp"),
    INVALID_CREDENTIALS: (app) => stepUp(app, { password: "not the password" }),
    MFA_INVALID: (app) => stepUp(app, { code: "000000" }),
    PASSWORD_TOO_LONG: (app) => stepUp(app, { password: "x".repeat(257) }),
  },
  "sessions.list": bearerProvocations("sessions.list"),
  "sessions.revoke": bearerProvocations("sessions.revoke"),
};
