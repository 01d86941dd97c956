import { assertEquals } from "@std/assert";
import { webLock } from "./web_lock.ts";

/** Replaces `navigator.locks` for as long as it is in use. */
function useLocks(get: () => unknown): Disposable {
  Object.defineProperty(navigator, "locks", { get, configurable: true });
  return { [Symbol.dispose]: () => void Reflect.deleteProperty(navigator, "locks") };
}

/** Runs in the lock, and tells each run and whether it held the lock. */
async function collectRuns(waitMs: number): Promise<boolean[]> {
  const runs: boolean[] = [];
  await webLock("a", waitMs, (held) => Promise.resolve(void runs.push(held)));
  return runs;
}

const securityError = () => new DOMException("The request was denied.", "SecurityError");

Deno.test("without Web Locks, as outside a secure context, it runs at once and once, without the lock", async () => {
  using _locks = useLocks(() => undefined);
  assertEquals(await collectRuns(60_000), [false]);
});

Deno.test("where locks may not even be looked at, it runs at once and once, without the lock", async () => {
  using _locks = useLocks(() => {
    throw securityError();
  });
  assertEquals(await collectRuns(60_000), [false]);
});

Deno.test("a request that is refused, by a throw or a rejection, makes it run at once and once", async () => {
  const refusals = [
    () => {
      throw securityError();
    },
    () => Promise.reject(securityError()),
  ];
  for (const request of refusals) {
    using _locks = useLocks(() => ({ request }));
    assertEquals(await collectRuns(60_000), [false]);
  }
});

Deno.test("a lock that is granted just after giving up is free again at once, and nothing runs twice", async () => {
  let grant = (): Promise<unknown> => Promise.reject(new Error("nothing was asked for"));
  // A manager that overlooks the signal, as a grant under way does.
  const request = (_name: string, _options: unknown, granted: () => Promise<unknown>) => {
    grant = granted;
    return new Promise(() => {});
  };
  using _locks = useLocks(() => ({ request }));
  assertEquals(await collectRuns(5), [false]);
  assertEquals(await grant(), undefined);
});

Deno.test("who gives up takes the request back", async () => {
  let signal: AbortSignal | undefined;
  const request = (_name: string, options: { signal: AbortSignal }) => {
    signal = options.signal;
    return new Promise(() => {});
  };
  using _locks = useLocks(() => ({ request }));
  assertEquals([await collectRuns(5), signal?.aborted], [[false], true]);
});

Deno.test("a lock that somebody steals meanwhile does not run anything twice, nor fail", async () => {
  const request = async (_name: string, _options: unknown, granted: () => Promise<unknown>) => {
    void granted();
    await Promise.resolve();
    throw new DOMException("The lock was stolen.", "AbortError");
  };
  using _locks = useLocks(() => ({ request }));
  assertEquals(await collectRuns(60_000), [true]);
});

Deno.test("a lock that is held is asked for under the name of the product, for other scripts to stay clear of", async () => {
  const names: string[] = [];
  const request = async (name: string, _options: unknown, granted: () => Promise<unknown>) => {
    names.push(name);
    await granted();
  };
  using _locks = useLocks(() => ({ request }));
  assertEquals([await collectRuns(60_000), names], [[true], ["watchword:a"]]);
});
