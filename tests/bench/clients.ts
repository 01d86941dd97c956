/**
 * What an expired access token costs each client: refreshes, requests, failed calls, and how often mutations ran.
 * Half of the calls are mutations. All clients talk to one real service, one after the other, in one run.
 *
 * @module
 */
import { createTRPCClient, httpBatchLink, type TRPCLink } from "@trpc/client";
import { createAuthClient } from "@watchword/client";
import { print } from "../../server/observe/log.ts";
import { password, registerUser, startTestApp, type TestApp } from "../kit/app.ts";
import { type CounterApp, createCounterApp, type Runs } from "../kit/counter_app.ts";
import { createWire, type Wire } from "../kit/wire.ts";
import { installPeers, peers } from "./peers/install_peers.ts";

interface Tokens {
  accessToken: string;
  refreshToken: string;
}
interface Client {
  read(): Promise<unknown>;
  add(id: number): Promise<unknown>;
}
interface Contender {
  name: string;
  /** Builds a signed-in client whose requests go through the wire. */
  build(app: TestApp, wire: Wire, knows: { isExpired: boolean }): Promise<Client>;
}

const pyncz = "@pyncz/trpc-refresh-token-link";
const larskarbo = "trpc-token-refresh-link";
await using installed = await installPeers();

/** A tRPC client over a peer's link, with the storage that its README asks for. */
async function buildOver(
  app: TestApp,
  wire: Wire,
  createLink: (own: { tokens: Tokens; refresh: (token: string) => Promise<Tokens> }) => TRPCLink<CounterApp>,
): Promise<Client> {
  const { tokens } = await registerUser(app);
  const own = {
    tokens: tokens as Tokens,
    refresh: async (refreshToken: string): Promise<Tokens> => {
      const response = await wire.fetch(`${app.origin}/trpc/auth.refresh`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ refreshToken }),
      });
      const { result } = await response.json();
      if (result === undefined) throw new Error("the refresh was refused");
      return result.data;
    },
  };
  const trpc = createTRPCClient<CounterApp>({
    links: [
      createLink(own),
      httpBatchLink({
        url: `${app.origin}/trpc`,
        fetch: (input, init) => wire.fetch(input as string, init as RequestInit),
        maxItems: 10,
        headers: () => ({ authorization: `Bearer ${own.tokens.accessToken}` }),
      }),
    ],
  });
  return { read: () => trpc.read.query(), add: (id) => trpc.add.mutate({ id }) };
}

const contenders: Contender[] = [
  {
    name: "@watchword/client",
    async build(app, wire) {
      const auth = createAuthClient<CounterApp>({ url: `${app.origin}/trpc`, fetch: wire.fetch });
      await auth.register({ username: `u${crypto.randomUUID().slice(0, 8)}`, password });
      return { read: () => auth.trpc.read.query(), add: (id) => auth.trpc.add.mutate({ id }) };
    },
  },
  {
    name: `${pyncz} ${peers[pyncz]}`,
    async build(app, wire) {
      const { refreshTokenLink } = await installed.load(`${pyncz}/dist/index.mjs`);
      return await buildOver(
        app,
        wire,
        (own) =>
          (refreshTokenLink as (options: object) => TRPCLink<CounterApp>)({
            getRefreshToken: () => own.tokens.refreshToken,
            fetchJwtPairByRefreshToken: own.refresh,
            onJwtPairFetched: (tokens: Tokens) => own.tokens = tokens,
          }),
      );
    },
  },
  {
    name: `${larskarbo} ${peers[larskarbo]}`,
    async build(app, wire, knows) {
      const { tokenRefreshLink } = await installed.load(`${larskarbo}/dist/index.js`);
      return await buildOver(
        app,
        wire,
        (own) =>
          (tokenRefreshLink as (options: object) => TRPCLink<CounterApp>)({
            tokenRefreshNeeded: () => knows.isExpired,
            fetchAccessToken: async () => {
              own.tokens = await own.refresh(own.tokens.refreshToken);
              knows.isExpired = false;
            },
          }),
      );
    },
  },
];

const isSupabaseRefresh = (url: string) => url.includes("/token?grant_type=refresh_token");

/** Supabase's client has no tRPC link: the calls are `getSession()` before a request, against a stand-in server. */
async function measureSupabase(count: number): Promise<string[]> {
  const { GoTrueClient } = installed.require("@supabase/auth-js");
  let refreshes = 0;
  const session = (expiresIn: number) => ({
    access_token: `header.${
      btoa(JSON.stringify({ exp: Math.floor(Date.now() / 1_000) + expiresIn }))
    }.signature`,
    refresh_token: crypto.randomUUID(),
    expires_in: expiresIn,
    expires_at: Math.floor(Date.now() / 1_000) + expiresIn,
    token_type: "bearer",
    user: { id: "ada" },
  });
  const kept = new Map([["key", JSON.stringify(session(-60))]]);
  type Supabase = { getSession(): Promise<{ data: { session: unknown } }> };
  const client = new (GoTrueClient as new (options: object) => Supabase)({
    url: "http://127.0.0.1",
    storageKey: "key",
    autoRefreshToken: false,
    persistSession: true,
    storage: {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
      removeItem: (key: string) => void kept.delete(key),
    },
    fetch: (url: string) => {
      if (isSupabaseRefresh(url)) refreshes++;
      return Promise.resolve(Response.json(session(3_600)));
    },
  });
  const results = await Promise.all(Array.from({ length: count }, () => client.getSession()));
  const failed = results.filter(({ data }) => data.session === null).length;
  return [
    String(count),
    "known",
    `@supabase/auth-js ${peers["@supabase/auth-js"]}`,
    String(refreshes),
    "–",
    String(failed),
    "–",
  ];
}

async function measure(contender: Contender, count: number, isKnown: boolean): Promise<string[]> {
  const runs: Runs = { reads: 0, adds: 0 };
  await using app = await startTestApp({ router: createCounterApp(runs), rateLimits: true });
  const wire = createWire();
  const knows = { isExpired: isKnown };
  const client = await contender.build(app, wire, knows);
  wire.sent.length = 0;
  await app.advance(3_600);
  const calls = Array.from({ length: count }, (_, id) => id % 2 ? client.add(id) : client.read());
  const results = await Promise.allSettled(calls);
  const failed = results.filter(({ status }) => status === "rejected").length;
  const cells = [
    count,
    isKnown ? "known" : "unknown",
    contender.name,
    wire.count("auth.refresh"),
    wire.sent.length,
    failed,
  ];
  return [...cells.map(String), `${runs.adds} of ${Math.floor(count / 2)}`];
}

const rows = [["calls", "expiry", "client", "refreshes", "requests", "failed", "mutations run"]];
for (const count of [50, 1_000]) {
  for (const contender of contenders) {
    // Ours and the first peer learn of the expiry from the server; the second asks its own clock.
    for (const isKnown of contender.name.startsWith(larskarbo) ? [true, false] : [false]) {
      rows.push(await measure(contender, count, isKnown));
    }
  }
  rows.push(await measureSupabase(count));
}
const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
for (const row of rows) {
  print(row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd());
}
Deno.exit(0);
