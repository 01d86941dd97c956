import {
  createFaultyFetch,
  type FakeAuthServer,
  type FakeClock,
  type Fault,
} from "@watchword/client/testing";
import type { Target } from "./schedule.ts";

/** The way between the tabs and the server. */
export interface Network {
  fetch: typeof fetch;
  /** Rotations, as the server made them. */
  rotations: { sessionId: string; generation: number; at: number }[];
  fail(fault: Fault, target: Target, count: number): void;
  goOffline(ms: number): void;
  heal(): void;
}

interface NetworkOptions {
  server: FakeAuthServer;
  clock: FakeClock;
  latenciesMs: number[];
}

const procedures: Record<Target, (name: string) => boolean> = {
  refresh: (name) => name === "auth.refresh",
  app: (name) => !name.startsWith("auth."),
  "sign-in": (name) => ["auth.login", "auth.logout", "auth.stepUp"].includes(name),
  any: () => true,
};

/** Builds a network with latency that breaks when told to. */
export function createNetwork({ server, clock, latenciesMs }: NetworkOptions): Network {
  const rotations: Network["rotations"] = [];
  const pause = (ms: number) => new Promise<void>((resolve) => void clock.setTimeout(resolve, ms));
  let requests = 0;
  let offlineUntil = 0;

  async function keepBooks(response: Response): Promise<void> {
    const json = await response.clone().json();
    const { sessionId, generation } = json.result?.data ?? {};
    if (
      sessionId !== undefined &&
      !rotations.some((one) => one.sessionId === sessionId && one.generation >= generation)
    ) {
      rotations.push({ sessionId, generation, at: clock.time() });
    }
  }

  async function travel(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const latencyMs = latenciesMs[requests++ % latenciesMs.length] ?? 0;
    if (latencyMs > 0) await pause(latencyMs);
    // What has left is on its way: an abort or a closed tab stops no packet.
    const { signal: _, ...rest } = init ?? {};
    const response = await server.fetch(input, rest);
    if (String(input).endsWith("/auth.refresh")) await keepBooks(response);
    if (latencyMs > 0) await pause(latencyMs);
    return response;
  }

  const faulty = createFaultyFetch(travel, { clock });
  const goOffline = () => faulty.always("drop request", () => clock.monotonic() < offlineUntil);
  goOffline();

  return {
    fetch: faulty.fetch,
    rotations,
    fail: (fault, target, count) =>
      faulty.inTurn(Array(count).fill(fault), (sent) => sent.procedures.some(procedures[target])),
    goOffline: (ms) => void (offlineUntil = Math.max(offlineUntil, clock.monotonic() + ms)),
    heal: () => {
      offlineUntil = 0;
      faulty.clear();
      goOffline();
    },
  };
}
