import { assertEquals } from "@std/assert";
import { registerUser } from "../kit/app.ts";
import { until } from "../kit/followed.ts";
import { openRawSocket } from "../kit/raw_socket.ts";
import { advanceToEnd, startStreamApp } from "../kit/stream_app.ts";

Deno.test("a socket's token is as strict as a header's, a bad one is refused call by call, and public calls work", async () => {
  await using app = await startStreamApp();
  const { tokens: { accessToken }, user } = await registerUser(app);
  const good = `Bearer ${accessToken}`;
  const cases: [name: string, greeting: Parameters<typeof openRawSocket>[1], reason: string | undefined][] = [
    ["no params", {}, "TOKEN_MISSING"],
    ["params that are null", { params: null }, "TOKEN_MISSING"],
    ["a token under another name", { params: { token: accessToken, Authorization: good } }, "TOKEN_MISSING"],
    ["no scheme", { params: { authorization: accessToken } }, "TOKEN_MISSING"],
    ["another scheme", { params: { authorization: `Basic ${accessToken}` } }, "TOKEN_MISSING"],
    ["a space in front", { params: { authorization: ` ${good}` } }, "TOKEN_MISSING"],
    ["a space behind", { params: { authorization: `${good} ` } }, "TOKEN_INVALID"],
    ["a line break", { params: { authorization: `Bearer\n${accessToken}` } }, "TOKEN_MISSING"],
    ["two tokens", { params: { authorization: `${good} ${accessToken}` } }, "TOKEN_INVALID"],
    ["nothing but the scheme", { params: { authorization: "Bearer" } }, "TOKEN_INVALID"],
    ["a token far too long", { params: { authorization: good + "A".repeat(100_000) } }, "TOKEN_INVALID"],
    ["bytes that no header holds", { params: { authorization: "Bearer \u0000\ud83d" } }, "TOKEN_INVALID"],
    [
      "the header and the params",
      { params: { authorization: good }, headers: { authorization: good } },
      "TOKEN_INVALID",
    ],
    ["the params", { params: { authorization: good } }, undefined],
    ["the scheme in another case", { params: { authorization: `bEARER ${accessToken}` } }, undefined],
    ["the header", { headers: { authorization: good } }, undefined],
  ];
  for (const [name, greeting, reason] of cases) {
    using socket = await openRawSocket(app.wsUrl, greeting);
    const answer = await socket.call("read");
    assertEquals([name, answer.reason, answer.data], [name, reason, reason ? undefined : user.id]);
    assertEquals((await socket.call("whoami")).reason, undefined, name);
    assertEquals([name, socket.closeCode, socket.notices], [name, null, []]);
  }
});

Deno.test("a socket is told before its token ends, judged by it with every call, and closed with 4401 at its end", async () => {
  await using app = await startStreamApp();
  const { tokens } = await registerUser(app);
  using socket = await openRawSocket(app.wsUrl, {
    params: { authorization: `Bearer ${tokens.accessToken}` },
  });
  await advanceToEnd(app, tokens.accessToken, 40);
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  assertEquals([(await socket.call("read")).reason, socket.notices], [undefined, []]);
  await advanceToEnd(app, tokens.accessToken, 20);
  await until(() => socket.notices.length > 0);
  assertEquals(socket.notices, ['{"id":null,"method":"reconnect"}']);
  assertEquals((await socket.call("read")).reason, undefined);
  await app.advance(25);
  await until(() => socket.closeCode !== null);
  assertEquals([socket.closeCode, socket.notices.length], [4401, 1]);
});

Deno.test("a call that is faster than the closing is refused for its token all the same", async () => {
  await using app = await startStreamApp();
  const { tokens } = await registerUser(app);
  using socket = await openRawSocket(app.wsUrl, {
    params: { authorization: `Bearer ${tokens.accessToken}` },
  });
  assertEquals((await socket.call("read")).reason, undefined);
  // The database's clock first, so that no look at it takes the hour back. No tick has come yet, as a rule.
  await app.database.shiftClock(3_600_000);
  app.clock.shiftMs += 3_600_000;
  const { data, reason } = await socket.call("read");
  assertEquals([data, socket.closeCode ?? reason], [
    undefined,
    socket.closeCode === null ? "TOKEN_EXPIRED" : 4401,
  ]);
});

Deno.test("a socket whose token was over from the start stays open, and its calls say why", async () => {
  await using app = await startStreamApp();
  const { tokens } = await registerUser(app);
  await app.advance(700);
  using socket = await openRawSocket(app.wsUrl, {
    params: { authorization: `Bearer ${tokens.accessToken}` },
  });
  assertEquals((await socket.call("read")).reason, "TOKEN_EXPIRED");
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  assertEquals([(await socket.call("read")).reason, socket.closeCode], ["TOKEN_EXPIRED", null]);
});

Deno.test("a revocation is seen by the very next call on an open socket", async () => {
  await using app = await startStreamApp();
  await using other = await app.startInstance();
  const { tokens: { accessToken } } = await registerUser(app);
  using socket = await openRawSocket(app.wsUrl, { params: { authorization: `Bearer ${accessToken}` } });
  assertEquals((await socket.call("read")).reason, undefined);
  await other.call("auth.logout", { bearer: accessToken, body: {} });
  assertEquals((await socket.call("read")).reason, "SESSION_REVOKED");
});

Deno.test("a page of a foreign origin gets nothing over a socket, not even what is public", async () => {
  await using app = await startStreamApp({ allowedOrigins: ["https://app.example.com"] });
  const { tokens } = await registerUser(app);
  const own = app.wsUrl.replace("ws:", "http:");
  const cases: [origin: string | null, isRefused: boolean][] = [
    [null, false],
    ["https://app.example.com", false],
    [own, false],
    ["https://app.example.com.evil.example", true],
    ["https://evil.example", true],
    ["http://app.example.com", true],
    [`${own}0`, true],
    ["null", true],
  ];
  for (const [origin, isRefused] of cases) {
    using socket = await openRawSocket(app.wsUrl, {
      params: { authorization: `Bearer ${tokens.accessToken}` },
      ...(origin === null ? {} : { headers: { origin } }),
    });
    const reasons = [(await socket.call("read")).reason, (await socket.call("whoami")).reason];
    const expected = isRefused ? "CSRF" : undefined;
    assertEquals([origin, ...reasons], [origin, expected, expected]);
  }
});

for (const [trustedProxyHops, ip] of [[0, "127.0.0.1"], [1, "203.0.113.7"], [2, "198.51.100.1"]] as const) {
  Deno.test(`behind ${trustedProxyHops} trusted proxies a socket's address is that of a request`, async () => {
    await using app = await startStreamApp({ trustedProxyHops });
    using socket = await openRawSocket(app.wsUrl, {
      headers: { "x-forwarded-for": "192.0.2.66, 198.51.100.1, 203.0.113.7", "user-agent": "teapot/1" },
    });
    assertEquals((await socket.call("whoami")).data, { ip, userAgent: "teapot/1" });
  });
}
