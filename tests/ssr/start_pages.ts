import type { Seed, ServerAuth, ServerAuthOptions } from "@watchword/client/server";
import { createServerAuth } from "@watchword/client/server";
import { formatAttemptCookie } from "../../client/attempt_cookie.ts";
import { makeAttemptId } from "../../client/attempt_id.ts";
import { password, startTestApp, type TestApp } from "../kit/app.ts";
import { type CounterApp, createCounterApp } from "../kit/counter_app.ts";

export const pageOrigin = "https://pages.watchword.test";
export const refreshName = "__Host-watchword_refresh";
export const attemptName = "__Host-watchword_attempt";
export const accessName = "__Host-watchword_access";

/** What a page shows. */
export interface Shown {
  state: ServerAuth<CounterApp>["state"];
  seed: Seed | null;
  /** What a protected call answered, or the reason of its refusal. */
  read: string;
}

/** A server that renders pages, over real HTTP, before an auth server of its own. */
export interface Pages extends AsyncDisposable {
  app: TestApp;
  url: string;
  /** Calls that the page server made. */
  calls: string[];
  /** Changes what the next pages are made with. */
  settings: Partial<ServerAuthOptions>;
  openBrowser(username: string, options?: { isNew?: boolean }): Promise<Browser>;
  rotations(): Promise<number>;
}

/** A browser as the cookies see it. */
export interface Browser {
  userId: string;
  jar: Map<string, string>;
  /** Opens a page. A lost answer reaches the server, and its headers never reach the browser. */
  open(options?: { headers?: Record<string, string>; method?: string; isLost?: boolean }): Promise<
    { shown: Shown; headers: Headers; text: string }
  >;
}

/** Does with `Set-Cookie` what a browser does. */
export function takeCookies(jar: Map<string, string>, headers: Headers): void {
  for (const cookie of headers.getSetCookie()) {
    const [pair = "", ...attributes] = cookie.split("; ");
    const name = pair.slice(0, pair.indexOf("="));
    if (attributes.includes("Max-Age=0")) jar.delete(name);
    else jar.set(name, pair.slice(name.length + 1));
  }
}

/** Starts both servers. */
export async function startPages(): Promise<Pages> {
  const app = await startTestApp({
    router: createCounterApp({ reads: 0, adds: 0 }),
    allowedOrigins: [pageOrigin],
  });
  const calls: string[] = [];
  let shiftMs = 0;
  const settings: Partial<ServerAuthOptions> = {};
  const fetchAndCount: typeof fetch = (input, init) => {
    calls.push(new URL(String(input)).pathname.slice("/trpc/".length));
    return fetch(input, init);
  };

  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const auth = await createServerAuth<CounterApp>({
      url: `${app.origin}/trpc`,
      origin: pageOrigin,
      request,
      canSetCookies: true,
      fetch: fetchAndCount,
      now: () => Date.now() + shiftMs,
      ...settings,
    });
    const read = await auth.trpc.read.query().catch((error) => error.data.auth.reason);
    const shown: Shown = { state: auth.state, seed: auth.dehydrate(), read };
    const headers = new Headers();
    auth.applyCookies(headers);
    return Response.json(shown, { headers });
  });
  const url = `http://127.0.0.1:${server.addr.port}/`;
  const { advance } = app;
  app.advance = async (seconds) => {
    shiftMs += seconds * 1_000;
    await advance(seconds);
  };

  return {
    ...{ app, url, calls, settings },
    async openBrowser(username, { isNew = false } = {}) {
      const response = await fetch(`${app.origin}/trpc/auth.register`, {
        method: "POST",
        headers: { "content-type": "application/json", "x-watchword-mode": "cookie", origin: pageOrigin },
        body: JSON.stringify({ username, password }),
      });
      const { result, error } = await response.json();
      if (error) throw new Error(error.message);
      const { user } = result.data;
      const jar = new Map<string, string>();
      takeCookies(jar, response.headers);
      // As the page's script does when it signs in.
      if (!isNew) takeCookies(jar, new Headers({ "set-cookie": formatAttemptCookie(makeAttemptId()) }));
      return {
        userId: user.id,
        jar,
        async open({ headers = {}, method = "GET", isLost = false } = {}) {
          const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
          const answer = await fetch(url, {
            method,
            headers: { ...(cookie === "" ? {} : { cookie }), ...headers },
          });
          const text = await answer.text();
          if (!isLost) takeCookies(jar, answer.headers);
          return { shown: JSON.parse(text), headers: answer.headers, text };
        },
      };
    },
    async rotations() {
      const [row] = await app.database.sql<
        { sum: number }[]
      >`select sum(generation)::int as sum from sessions`;
      return row?.sum ?? 0;
    },
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      await app[Symbol.asyncDispose]();
    },
  };
}
