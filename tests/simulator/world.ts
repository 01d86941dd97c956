import {
  createFakeAuthServer,
  createTabs,
  type FakeAuth,
  type FakeAuthServer,
  type FakeClock,
  type Tabs,
} from "@watchword/client/testing";
import { createNetwork, type Network } from "./network.ts";
import { openPage, type Page } from "./page.ts";
import type { Setup } from "./schedule.ts";
import type { SignOut } from "./sign_outs.ts";

export const password = "correct horse battery";
export const usernames = ["ada", "bob"];
export const IDLE_SECONDS = 7_200;
/** How recent a sign-in `fresh` asks for. */
export const FRESH_SECONDS = 30;

/** A call of an app, from the moment it was made. */
export interface Op {
  id: number;
  page: Page;
  what: string;
  isMutation: boolean;
  startedAt: number;
  /** The user it was made as; null for nobody, undefined while the page did not know yet. */
  madeAs: string | null | undefined;
  sends: number;
  sendsMax: number;
  /** Whom the server ran it as, each time. */
  ranAs: (string | null)[];
  outcome: string | null;
}

/** Everything that a schedule plays with, and what was seen of it. */
export interface World {
  setup: Setup;
  clock: FakeClock;
  server: FakeAuthServer;
  network: Network;
  tabs: Tabs;
  pages: Page[];
  ops: Op[];
  trace: string[];
  violations: string[];
  /** Sessions that a user of this browser signed out of. */
  signedOutSessions: Set<string>;
  /** Those of which the sign-out has been stored: none of them may come back. */
  overSessions: Set<string>;
  /** When its users signed out, and when a session was first seen, on the monotonic clock. */
  signOuts: SignOut[];
  bornAt: Map<string, number>;
  /** What the schedule has done so far that excuses something. */
  seen: Set<string>;
  storageCount: number;
  note(what: string): void;
  violate(what: string): void;
}

/** The app under test: each call says which op it is. */
function createApp(world: Pick<World, "ops" | "violate">) {
  const readId = (input: unknown): { id: number } => ({ id: Number(Object(input).id) });
  function run(id: number, userId: string | null): number {
    world.ops[id]?.ranAs.push(userId);
    return id;
  }
  return ({ trpc, router, procedure, protectedProcedure }: FakeAuth) => {
    const signedIn = protectedProcedure.input(readId);
    return trpc.router({
      auth: router,
      read: signedIn.query(({ input, ctx }) => run(input.id, ctx.auth.userId)),
      add: signedIn.mutation(({ input, ctx }) => run(input.id, ctx.auth.userId)),
      maybe: procedure({ auth: "optional" }).input(readId)
        .mutation(({ input, ctx }) => run(input.id, ctx.auth?.userId ?? null)),
      fresh: procedure({ auth: "required", maxAgeSeconds: FRESH_SECONDS }).input(readId)
        .mutation(({ input, ctx }) => run(input.id, ctx.auth.userId)),
    });
  };
}

/** The type to give a client of it. */
export type App = ReturnType<ReturnType<typeof createApp>>;

/** Builds a world with two accounts, and tabs that are signed in as the first. */
export async function createWorld(setup: Setup, clock: FakeClock): Promise<World> {
  const ops: Op[] = [];
  const trace: string[] = [];
  const violations: string[] = [];
  const note = (what: string) => void trace.push(`${(clock.monotonic() / 1_000).toFixed(3)} ${what}`);
  const violate = (what: string) => {
    violations.push(what);
    note(`!! ${what}`);
  };
  const server = createFakeAuthServer({
    clock,
    accessTokenTtlSeconds: setup.ttlSeconds,
    refreshLeewaySeconds: setup.leewaySeconds,
    refreshIdleTtlSeconds: IDLE_SECONDS,
    router: createApp({ ops, violate }),
  });
  const network = createNetwork({ server, clock, latenciesMs: setup.latenciesMs });
  const { hasLocks, storageDelayMs, eventDelayMs } = setup;
  const tabs = createTabs({ clock, fetch: network.fetch, hasLocks, storageDelayMs, eventDelayMs });
  for (const username of usernames) {
    await server.fetch("http://app.test/trpc/auth.register", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ username, password }),
    });
  }
  const world: World = {
    setup,
    clock,
    server,
    network,
    tabs,
    pages: [],
    ops,
    trace,
    violations,
    signedOutSessions: new Set(),
    overSessions: new Set(),
    signOuts: [],
    bornAt: new Map(),
    seen: new Set(),
    storageCount: 0,
    note,
    violate,
  };
  const first = openPage(world);
  await clock.advance(1_000);
  void first.client.login({ identifier: "ada", password });
  await clock.advance(5_000);
  for (let i = 1; i < setup.tabs; i++) openPage(world);
  await clock.advance(1_000);
  return world;
}
