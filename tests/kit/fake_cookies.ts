/** The one cookie of a browser in cookie mode. */
export interface Jar {
  refreshToken: string | null;
}

/** Puts the cookie of cookie mode before a fake auth server, which knows refresh tokens in bodies only. */
export function withCookies(fetch: typeof globalThis.fetch, jar: Jar): typeof globalThis.fetch {
  return async (input, init = {}) => {
    const { credentials, ...rest } = init;
    const headers = new Headers(init.headers);
    if (headers.get("x-watchword-mode") !== "cookie") return await fetch(input, init);
    headers.delete("x-watchword-mode");
    const procedure = String(input).split("/").at(-1) ?? "";
    const sendsCookie = credentials === "include" && ["auth.refresh", "auth.logout"].includes(procedure);
    const cookie = sendsCookie && jar.refreshToken ? { refreshToken: jar.refreshToken } : {};
    const body = JSON.stringify({ ...JSON.parse(String(init.body)), ...cookie });
    const response = await fetch(input, { ...rest, headers, body });
    const answer = await response.json();
    const tokens = answer.result?.data.tokens ?? answer.result?.data;
    if (tokens?.refreshToken) {
      jar.refreshToken = tokens.refreshToken;
      delete tokens.refreshToken;
    }
    if (procedure === "auth.logout" && tokens?.ok) jar.refreshToken = null;
    return new Response(JSON.stringify(answer), response);
  };
}
