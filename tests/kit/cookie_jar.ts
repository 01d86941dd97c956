/** What a browser keeps of an origin: cookies that no script sees. */
export interface CookieJar {
  /** A `fetch` of a page of `pageOrigin`: it sends and keeps cookies where the call asks for them. */
  fetch: typeof fetch;
  cookies: Map<string, string>;
}

/** Builds a jar for calls to one service. */
export function createCookieJar(pageOrigin: string, fetchNow: typeof fetch = fetch): CookieJar {
  const cookies = new Map<string, string>();
  function keep(line: string): void {
    const [pair = "", ...attributes] = line.split(";").map((part) => part.trim());
    const [name = "", value = ""] = [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)];
    if (attributes.some((attribute) => /^max-age=0$/i.test(attribute))) cookies.delete(name);
    else cookies.set(name, value);
  }
  return {
    cookies,
    async fetch(input, init) {
      const isWithCookies = init?.credentials === "include";
      const headers = new Headers(init?.headers);
      headers.set("origin", pageOrigin);
      headers.set("sec-fetch-site", "same-origin");
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
      if (isWithCookies && cookie !== "") headers.set("cookie", cookie);
      const answer = await fetchNow(input, { ...init, headers });
      if (isWithCookies) answer.headers.getSetCookie().forEach(keep);
      return answer;
    },
  };
}
