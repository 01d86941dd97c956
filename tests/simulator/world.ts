import type { AuthClient } from "@watchword/client";
import type { FakeAuth, FakeAuthServer, FakeClock, Tab, Tabs } from "@watchword/client/testing";
import type { Network } from "./network.ts";
import type { Setup } from "./schedule.ts";

export const password = "correct horse battery";
export const usernames = ["ada", "bob"];
export const IDLE_SECONDS = 7_200;
/** How recent a sign-in `fresh` asks for. */
export const FRESH_SECONDS = 30;

/** A tab with a client, watched. */
export interface Page {
  name: string;
  tab: Tab;
  client: AuthClient<App>;
  /** When its refreshes left, on the monotonic clock. */
  refreshesAt: number[];
  /** Its user is signing out. */
  signingOut: number;
  /** When it was last thawed, on the monotonic clock. */
  awakeSince: number;
}

/** A page left a session, or its user asked it to. */
export interface SignOut {
  page: Page;
  sessionId: string;
  /** On the monotonic clock. */
  at: number;
  /** It was its user's wish, which ends whatever the browser then has. */
  isByUser: boolean;
}

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
  /** Sessions that were in the storage at some time. */
  stored: Set<string>;
  /** What the schedule has done so far that excuses something. */
  seen: Set<string>;
  storageCount: number;
  note(what: string): void;
  violate(what: string): void;
}

/** The app under test: each call says which op it is. */
export function createApp(world: Pick<World, "ops" | "violate">) {
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
