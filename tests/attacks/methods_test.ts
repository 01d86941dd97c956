import { assert, assertEquals } from "@std/assert";
import { appOrigin, cookieMode, cookieName, mutations, signInByCookie } from "./browser.ts";
import { attack, type Send } from "./kit.ts";
import { readFingerprint } from "./state.ts";

const options = { allowedOrigins: [appOrigin] };

attack("A-105: no mutation runs by GET or HEAD, whatever a header or a field says", async (scene) => {
  const { app, victim, refuses } = scene;
  const { cookie } = await signInByCookie(app, "victim");
  const { accessToken: bearer, sessionId } = victim.tokens;
  const overrides = ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"];
  const variants: Record<string, Send> = {};
  for (const [path, input] of Object.entries({ ...mutations, "auth.sessions.revoke": { sessionId } })) {
    const query = `input=${encodeURIComponent(JSON.stringify(input))}`;
    const headers = { ...cookieMode, cookie: `${cookieName}=${cookie}` };
    variants[`GET ${path}`] = () => app.call(`${path}?${query}`, { bearer, headers });
    variants[`GET ${path} with _method`] = () =>
      app.call(`${path}?_method=POST&${query}`, { bearer, headers });
    for (const name of overrides) {
      variants[`GET ${path} with ${name}`] = () =>
        app.call(`${path}?${query}`, { bearer, headers: { ...headers, [name]: "POST" } });
    }
    for (const method of ["PUT", "PATCH", "DELETE"]) {
      variants[`${method} ${path}`] = () => app.call(path, { method, bearer, body: input, headers });
    }
  }
  await refuses(variants, { reason: "METHOD_NOT_ALLOWED", log: "any" });
  const fingerprint = await readFingerprint(app.database.sql);
  for (const path of Object.keys(mutations)) {
    const head = await app.call(path, { method: "HEAD", bearer, headers: cookieMode });
    assertEquals([head.status, head.text], [405, ""], path);
  }
  assertEquals(await readFingerprint(app.database.sql), fingerprint);
}, options);

attack("A-105: a GET of a batch of mutations runs none of them", async ({ app, victim }) => {
  const { accessToken: bearer, sessionId } = victim.tokens;
  const input = encodeURIComponent(JSON.stringify({ 0: {}, 1: { sessionId } }));
  const answer = await app.call(`auth.logout,auth.sessions.revoke?batch=1&input=${input}`, { bearer });
  assertEquals(answer.status, 405);
  assert(!answer.text.includes('"ok":true'));
  assertEquals((await app.call("auth.me", { bearer })).status, 200);
}, options);
