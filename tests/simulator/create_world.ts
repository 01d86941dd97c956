import { createFakeAuthServer, createTabs, type FakeClock } from "@watchword/client/testing";
import { createNetwork } from "./network.ts";
import { openPage } from "./page.ts";
import type { Setup } from "./schedule.ts";
import { createApp, IDLE_SECONDS, type Op, password, usernames, type World } from "./world.ts";

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
    stored: new Set(),
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
