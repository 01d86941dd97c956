import { assertEquals } from "@std/assert";
// @ts-types="@types/ws"
import { WebSocket } from "ws";
import { password, registerUser } from "../kit/app.ts";
import { until } from "../kit/followed.ts";
import { startStreamApp, type StreamApp } from "../kit/stream_app.ts";

interface Call {
  path: string;
  input?: unknown;
  method?: "query" | "mutation";
}

/** Sends calls in one frame. @returns how often each answer came: a reason, or "ok" */
async function sendFrame(
  app: StreamApp,
  bearer: string,
  calls: readonly Call[],
): Promise<Record<string, number>> {
  const socket = new WebSocket(app.wsUrl, { headers: { authorization: `Bearer ${bearer}` } });
  const counts: Record<string, number> = {};
  let answers = 0;
  socket.on("message", (frame) => {
    for (const { error } of [JSON.parse(String(frame))].flat()) {
      const reason: string = error?.data?.auth?.reason ?? "ok";
      counts[reason] = (counts[reason] ?? 0) + 1;
      answers++;
    }
  });
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  socket.send(JSON.stringify(
    calls.map(({ path, input = {}, method = "query" }, id) => ({ id, method, params: { path, input } })),
  ));
  await until(() => answers === calls.length);
  socket.terminate();
  return counts;
}

Deno.test("a frame of sign-ins tries no password: what travels alone does not travel over a socket", async () => {
  await using app = await startStreamApp();
  const { username, tokens } = await registerUser(app);
  const login = {
    path: "auth.login",
    input: { identifier: username, password },
    method: "mutation",
  } as const;
  assertEquals(await sendFrame(app, tokens.accessToken, Array.from({ length: 400 }, () => login)), {
    INPUT_INVALID: 400,
  });
  const others = [
    { path: "auth.register", input: { username: "bob", password } },
    { path: "auth.refresh", input: { refreshToken: tokens.refreshToken } },
    { path: "auth.stepUp", input: { password } },
  ].map((call) => ({ ...call, method: "mutation" as const }));
  assertEquals(await sendFrame(app, tokens.accessToken, others), { INPUT_INVALID: 3 });
  const [made] = await app.database.sql`
    select (select count(*)::int from users) as users, (select count(*)::int from sessions) as sessions`;
  assertEquals({ ...made }, { users: 1, sessions: 1 });
});

Deno.test("a socket has as many of Watchword's own calls under way as a batch has, and the app's own as the app likes", async () => {
  await using app = await startStreamApp();
  const { tokens: { accessToken } } = await registerUser(app);
  const frame = (path: string) => sendFrame(app, accessToken, Array.from({ length: 400 }, () => ({ path })));
  assertEquals(await frame("auth.me"), { ok: 10, OVERLOADED: 390 });
  assertEquals(await frame("read"), { ok: 400 });
  // One after another, each has its place.
  assertEquals(await sendFrame(app, accessToken, [{ path: "auth.me" }]), { ok: 1 });
});
