import { assertEquals } from "@std/assert";
import { attack, refreshWith, type Send } from "./kit.ts";
import { sendRaw } from "./raw_http.ts";

attack("A-045: a refresh with a body of another type is refused", async ({ app, victim, refuses }) => {
  const { refreshToken } = victim.tokens;
  const bodies: unknown[] = [
    ...[[], [refreshToken], "token", refreshToken, 1, true, null],
    ...[{ refreshToken: [refreshToken] }, { refreshToken: { $ne: null } }, { refreshToken: { $gt: "" } }],
    ...[{ refreshToken: 1 }, { refreshToken: null }, { refreshToken: true }, { refreshToken: {} }],
    ...[{ refreshToken, extra: 1 }, { refreshToken, sessionId: victim.tokens.sessionId }, {
      refreshToken,
      userId: "x",
    }],
    ...[{ refresh_token: refreshToken }, { token: refreshToken }, { RefreshToken: refreshToken }],
    ...[{ refreshToken: "A".repeat(4_097) }, { "0": { json: { refreshToken } } }],
  ];
  await refuses(
    Object.fromEntries(
      bodies.map((body) =>
        [JSON.stringify(body).slice(0, 60), () => app.call("auth.refresh", { body })] as const
      ),
    ),
    { reason: "INPUT_INVALID" },
  );
  assertEquals((await refreshWith(app, refreshToken)).status, 200);
});

attack(
  "A-045: a refresh with a body that is too large, or no JSON, is refused",
  async ({ app, victim, refuses }) => {
    const { refreshToken } = victim.tokens;
    const json = JSON.stringify({ refreshToken });
    const typed = { "content-type": "application/json" };
    const broken = ["{", json.slice(0, -1), `${json}${json}`, `[${json}`, "\u0000", "undefined", `${json},`];
    await refuses({
      ...Object.fromEntries(
        broken.map((rawBody) =>
          [rawBody.slice(0, 40), () => app.call("auth.refresh", { rawBody, headers: typed })] as const
        ),
      ),
      "__proto__": () =>
        app.call("auth.refresh", {
          rawBody: `{"__proto__":{"refreshToken":"${refreshToken}"}}`,
          headers: typed,
        }),
    }, { reason: ["INPUT_INVALID", "REFRESH_INVALID"] });
    const types = [
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data; boundary=x",
      "application/jsonx",
      "",
    ];
    const variants: Record<string, Send> = {};
    for (const type of types) {
      const headers: [string, string][] = type === "" ? [] : [["Content-Type", type]];
      variants[`type ${type}`] = () =>
        sendRaw(app.origin, { method: "POST", target: "/trpc/auth.refresh", headers, body: json });
    }
    await refuses(variants, { reason: "BODY_TYPE" });
    const large = (bytes: number) => () =>
      app.call("auth.refresh", {
        rawBody: JSON.stringify({ refreshToken: "A".repeat(bytes) }),
        headers: typed,
      });
    await refuses({ "17 KB": large(17_000), "10 MB": large(10_000_000) }, { reason: "BODY_TOO_LARGE" });
  },
);
