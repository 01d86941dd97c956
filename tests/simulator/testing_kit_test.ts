import { assertEquals, assertRejects } from "@std/assert";
import {
  createFakeAuthServer,
  createFaultyFetch,
  createTabs,
  fakeClock,
  type Fault,
} from "@watchword/client/testing";

const url = "http://fake.test/trpc/auth.register";
let users = 0;
const register = (): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ username: `user-${++users}`, password: "correct horse battery" }),
});

function setUp() {
  const clock = fakeClock();
  const server = createFakeAuthServer({ clock });
  return { clock, server, network: createFaultyFetch(server.fetch, { clock }) };
}

/** What a fault leaves of a call: whether the server ran it, and what the client sees. */
async function suffer(fault: Fault): Promise<[ran: number, seen: string]> {
  const { clock, server, network } = setUp();
  network.once(fault, "auth.register");
  const giveUp = new AbortController();
  const call = network.fetch(url, { ...register(), signal: giveUp.signal }).then(async (response) => {
    const text = await response.text();
    return `${response.status} ${
      text.startsWith("<") ? "noise" : JSON.parse(text).error?.data.auth.reason ?? "ok"
    }`;
  }).catch((error) => error.name);
  await clock.advance(5_000);
  giveUp.abort();
  return [server.count("auth.register"), await call];
}

const faults: [Fault, number, string][] = [
  ["drop request", 0, "TypeError"],
  ["drop answer", 1, "TypeError"],
  ["hang request", 0, "AbortError"],
  ["hang answer", 1, "AbortError"],
  ["cut body", 1, "TypeError"],
  ["garbage body", 1, "200 noise"],
  [{ status: 502 }, 0, "502 noise"],
  [{ status: 502, reachesServer: true }, 1, "502 noise"],
  [{ refuse: "RATE_LIMITED", retryAfterSeconds: 5 }, 0, "429 RATE_LIMITED"],
  [{ delayMs: 4_000 }, 1, "200 ok"],
  [{ delayMs: 6_000 }, 0, "AbortError"],
  [{ answerDelayMs: 6_000 }, 1, "AbortError"],
];
for (const [fault, ran, seen] of faults) {
  Deno.test(`the fault ${JSON.stringify(fault)} does what it says, to the server and to the client`, async () => {
    assertEquals(await suffer(fault), [ran, seen]);
  });
}

Deno.test("faults come once, in turn or always, and only to the requests that they are about", async () => {
  const { network } = setUp();
  const statusOf = (path: string) =>
    network.fetch(`http://fake.test/trpc/${path}`, register()).then(({ status }) => status);
  network.once({ status: 500 }, "auth.register");
  network.inTurn([{ status: 501 }, null, { status: 502 }], "auth.register");
  assertEquals(await statusOf("auth.unknown"), 404);
  const statuses: number[] = [];
  for (let i = 0; i < 5; i++) statuses.push(await statusOf("auth.register"));
  assertEquals(statuses, [500, 501, 200, 502, 200]);
  const heal = network.always({ status: 503 });
  assertEquals([await statusOf("auth.register"), await statusOf("auth.unknown")], [503, 503]);
  heal();
  assertEquals(await statusOf("auth.register"), 200);
});

Deno.test("timers run in the order of their time, and what follows from each runs before the next", async () => {
  const clock = fakeClock();
  const seen: string[] = [];
  clock.setTimeout(() => seen.push("second"), 20);
  clock.setTimeout(() => {
    void Promise.resolve().then(() => Promise.resolve()).then(() => seen.push("after the first"));
    clock.setTimeout(() => seen.push(`last, at ${clock.monotonic()}`), 15);
  }, 10);
  clock.clearTimeout(clock.setTimeout(() => seen.push("never"), 5));
  await clock.advance(30);
  assertEquals(seen, ["after the first", "second", "last, at 25"]);
});

Deno.test("a device that sleeps or is set to another time moves neither its awake time nor the server's", () => {
  const clock = fakeClock();
  const start = clock.time();
  clock.shiftWall(-1_000);
  clock.sleep(5_000);
  assertEquals([clock.time() - start, clock.wall() - start, clock.monotonic()], [5_000, 4_000, 0]);
});

Deno.test("tabs share a storage, and each hears what the others changed and nothing of its own", async () => {
  const { clock, server } = setUp();
  const tabs = createTabs({ clock, fetch: server.fetch });
  const [one, other] = [tabs.open(), tabs.open()];
  const heard: string[] = [];
  one.options.storage.watch?.("a", () => heard.push("one"));
  other.options.storage.watch?.("a", () => heard.push("other"));
  await one.options.storage.set("a", "x");
  await one.options.storage.set("a", "x");
  await clock.advance(0);
  assertEquals([heard, await other.options.storage.get("a")], [["other"], "x"]);
});

Deno.test("a killed tab goes no further, and its lock is free; a frozen one goes on when it is thawed", async () => {
  const { clock, server } = setUp();
  const tabs = createTabs({ clock, fetch: server.fetch });
  const [killed, frozen, waiting] = [tabs.open(), tabs.open(), tabs.open()];
  const seen: string[] = [];
  const hold = async (name: string, { options }: typeof killed, waitMs: number) => {
    await options.storage.lock?.("a", waitMs, async (held) => {
      seen.push(`${name} ${held ? "has it" : "goes without"}`);
      await options.fetch(url, register());
      seen.push(`${name} is done`);
    });
  };
  void hold("killed", killed, 1_000);
  void hold("frozen", frozen, 1_000);
  void hold("waiting", waiting, 1_000);
  killed.kill();
  await clock.advance(0);
  frozen.freeze();
  await clock.advance(2_000);
  frozen.thaw();
  await clock.advance(0);
  assertEquals(seen.includes("killed is done"), false);
  assertEquals(seen.filter((line) => !line.startsWith("killed")), [
    "frozen has it",
    "frozen is done",
    "waiting has it",
    "waiting is done",
  ]);
});

Deno.test("a lock that is not granted in time is done without", async () => {
  const { clock, server } = setUp();
  const tabs = createTabs({ clock, fetch: server.fetch });
  const [holder, waiting] = [tabs.open(), tabs.open()];
  void holder.options.storage.lock?.("a", 0, () => new Promise(() => {}));
  const held = waiting.options.storage.lock?.("a", 3_000, (isHeld) => Promise.resolve(isHeld));
  await clock.advance(3_000);
  assertEquals(await held, false);
});

Deno.test("a storage that fails throws at once, as a browser's does", async () => {
  const { clock, server } = setUp();
  const tabs = createTabs({ clock, fetch: server.fetch });
  const { storage } = tabs.open().options;
  tabs.storage.writeFault = new Error("full");
  await assertRejects(async () => await storage.set("a", "x"), Error, "full");
  assertEquals(await storage.get("a"), null);
  tabs.storage.fault = new Error("denied");
  await assertRejects(async () => await storage.get("a"), Error, "denied");
});
