import { authReason, createAuthClient, findAuthClientError, type SessionOptions } from "@watchword/client";
import { cookieMode } from "@watchword/client/cookie";
import { persistent, type TokenStore } from "@watchword/client/storage";
import {
  createFakeAuthServer,
  createFaultyFetch,
  createTabs,
  type FakeAuth,
  fakeClock,
  type TabsOptions,
} from "@watchword/client/testing";
import { withCookies } from "./fake_cookies.ts";

export const password = "correct horse battery";

const createRouter = ({ trpc, router, protectedProcedure }: FakeAuth) =>
  trpc.router({ auth: router, read: protectedProcedure.query(({ ctx }) => ctx.auth.userId) });
type Router = ReturnType<typeof createRouter>;

/** A server with two accounts, and a browser before it. */
export async function startWorld(
  { isCookieMode = false, isCookieLate = false, ...options }: {
    isCookieMode?: boolean;
    /** A request takes its cookie along after it was delayed, not before. */
    isCookieLate?: boolean;
  } & Partial<TabsOptions> = {},
) {
  const clock = fakeClock();
  const server = createFakeAuthServer({ clock, router: createRouter });
  const jar = { refreshToken: null };
  const network = createFaultyFetch(isCookieLate ? withCookies(server.fetch, jar) : server.fetch, { clock });
  const fetch = isCookieMode && !isCookieLate ? withCookies(network.fetch, jar) : network.fetch;
  const tabs = createTabs({ clock, fetch, ...options });
  const { storage: _, ...cookies } = isCookieMode ? cookieMode() : { storage: null };
  const open = (more: Partial<SessionOptions> = {}) => {
    const client = createAuthClient<Router>({
      ...cookies,
      ...more as Omit<typeof more, "transformer" | "mount">,
      url: "https://api.example.test/trpc",
      clock: more.clock ?? clock,
      fetch: more.fetch ?? fetch,
    });
    const who = () =>
      client.state.status === "authenticated" ? client.state.user.username : client.state.status;
    const sessionId = () => client.state.status === "authenticated" ? client.state.sessionId : "";
    const signIn = (identifier: string) => client.login({ identifier, password });
    return Object.assign(client, { who, sessionId, signIn });
  };
  for (const username of ["ada", "bob"]) {
    await server.fetch("https://api.example.test/trpc/auth.register", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ username, password }),
    });
  }
  const openTab = () => open(tabs.open().options);
  const isLive = (sessionId: string) => server.findSession(sessionId)?.endedBy === null;
  return { clock, server, network, tabs, open, openTab, isLive, jar };
}

/** A store over a map, any of whose functions may be replaced. */
export function createStore(values: Map<string, string>, changes: Partial<TokenStore> = {}) {
  const store: TokenStore = {
    get: (key) => values.get(key) ?? null,
    set: (key, value) => void values.set(key, value),
  };
  return persistent({ ...store, ...changes });
}

/** What a call gives, or the code or reason of its error. */
export const outcomeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.catch((error) => findAuthClientError(error)?.code ?? authReason(error) ?? String(error));

/** The record in a map that a store is made of. */
export const readStored = (values: Map<string, string>) => JSON.parse(values.get("watchword") ?? "null");
