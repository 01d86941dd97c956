import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Shelf, shelfKinds } from "../../tests/kit/shelves.ts";
import { decodeRecord } from "../persistent.ts";
import type { TokenStore } from "../token_store.ts";

const kibibytes8 = "🐎".repeat(2_048);
const values = ["", "x", '{"a":1}', "\ufeff\u0000\u2028\r\n\t\ud83d\udc0e é", "x".repeat(8_192), kibibytes8];
const keys = [
  "a",
  "A",
  "b",
  "",
  " ",
  ".",
  "..",
  "a.b",
  "a/b",
  "../a",
  "a%2fb",
  "ä",
  "__proto__",
  "constructor",
];

async function waitUntil(isTrue: () => boolean): Promise<void> {
  for (let round = 0; !isTrue(); round++) {
    assert(round < 500, "it did not come true in five seconds");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

for (const [kind, { create, can }] of Object.entries(shelfKinds)) {
  const promise = (name: string, test: (shelf: Shelf) => Promise<void>) =>
    Deno.test(`${kind} store: ${name}`, async () => {
      await using shelf = await create();
      await test(shelf);
    });

  promise("a key that was never set is null", async (shelf) => {
    assertEquals(await shelf.open().get("a"), null);
  });

  promise("a value of up to 8 KiB comes back as it went in, here and in another instance", async (shelf) => {
    const store = shelf.open();
    for (const value of values) {
      await store.set("a", value);
      assertEquals([await store.get("a"), await shelf.open().get("a")], [value, value]);
    }
  });

  promise("the last value wins", async (shelf) => {
    const store = shelf.open();
    await store.set("a", "the first, which is longer");
    await store.set("a", "second");
    assertEquals(await store.get("a"), "second");
  });

  promise("C-50: keys do not meet, whatever is in them", async (shelf) => {
    const store = shelf.open();
    for (const key of keys) {
      assertEquals(await store.get(key), null, key);
      await store.set(key, `value of ${key}`);
    }
    for (const key of keys) assertEquals(await store.get(key), `value of ${key}`);
  });

  promise("two storages share nothing", async (shelf) => {
    await shelf.open().set("a", "x");
    await using other = await create();
    assertEquals(await other.open().get("a"), null);
  });

  promise("of writes at once by several instances, one whole value stays", async (shelf) => {
    const written = Array.from({ length: 8 }, (_, index) => String(index).repeat(8_192));
    await Promise.all(written.map((value) => shelf.open().set("a", value)));
    assert(written.includes(await shelf.open().get("a") ?? ""));
  });

  promise("C-48: what was asked for first is done first, however slow the storage", async (shelf) => {
    const store = shelf.open();
    const done = [store.set("a", "x"), store.get("a"), store.set("a", "y"), store.get("a")];
    assertEquals(await Promise.all(done), [undefined, "x", undefined, "y"]);
  });

  promise(
    "C-45: what is no session, or one of a later version, is handed out and never deleted",
    async (shelf) => {
      const store = shelf.open();
      for (const foreign of ["not json", "null", '{"v":99,"user":{}}']) {
        await store.set("a", foreign);
        assertEquals(decodeRecord(await store.get("a")), null);
        assertEquals(await store.get("a"), foreign);
      }
    },
  );

  promise("it watches and locks exactly where the kind can", (shelf) => {
    const store = shelf.open();
    assertEquals([store.watch !== undefined, store.lock !== undefined], [can.watch, can.lock]);
    return Promise.resolve();
  });

  if (can.clear) promiseClearing(promise);
  if (can.fail) promiseFailures(promise);
  if (can.watch) promiseWatching(promise);
  if (can.lock) promiseLocking(promise);
}

type PromiseTest = (name: string, test: (shelf: Shelf) => Promise<void>) => void;

function promiseClearing(promise: PromiseTest): void {
  promise("C-46: a storage that the person empties is empty, and takes a session again", async (shelf) => {
    const store = shelf.open();
    await store.set("a", "x");
    await shelf.clear();
    assertEquals(await store.get("a"), null);
    await store.set("a", "y");
    assertEquals(await store.get("a"), "y");
  });
}

function promiseFailures(promise: PromiseTest): void {
  promise(
    "C-43: forbidden, each call rejects, and neither construction nor watching throws",
    async (shelf) => {
      shelf.forbid();
      const store = shelf.open();
      store.watch?.("a", () => {})();
      for (const call of [() => store.get("a"), () => store.set("a", "x")]) {
        const answer = call();
        assert(answer instanceof Promise);
        await assertRejects(() => answer, Error);
      }
    },
  );
}

function promiseWatching(promise: PromiseTest): void {
  promise("another instance is told of every new value", async (shelf) => {
    const [store, other] = [shelf.open(), shelf.open()];
    let heard = 0;
    await other.get("a");
    const stop = other.watch?.("a", () => heard++);
    await other.get("a");
    await store.set("a", "x");
    await waitUntil(() => heard === 1);
    await store.set("a", "y");
    await waitUntil(() => heard === 2);
    stop?.();
  });

  promise("a change of another key is not told", async (shelf) => {
    const [store, other] = [shelf.open(), shelf.open()];
    let heard = 0;
    const stop = other.watch?.("a", () => heard++);
    await other.get("a");
    await store.set("b", "x");
    await store.set("a", "x");
    await waitUntil(() => heard > 0);
    assertEquals(heard, 1);
    stop?.();
  });

  promise("who stopped watching is told nothing more, who did not still is", async (shelf) => {
    const [store, other] = [shelf.open(), shelf.open()];
    const heard = { stopped: 0, going: 0 };
    const stopOne = other.watch?.("a", () => heard.stopped++);
    const stopOther = other.watch?.("a", () => heard.going++);
    await other.get("a");
    stopOne?.();
    await store.set("a", "x");
    await waitUntil(() => heard.going === 1);
    assertEquals(heard.stopped, 0);
    stopOther?.();
  });
}

/** Locks and stays until it is let go. */
async function hold(store: TokenStore, key: string): Promise<{ letGo(): Promise<void> }> {
  const [held, inside] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const done = store.lock?.(key, 5_000, (isHeld) => {
    assert(isHeld);
    inside.resolve();
    return held.promise;
  });
  await inside.promise;
  return { letGo: async () => (held.resolve(), await done) };
}

function promiseLocking(promise: PromiseTest): void {
  promise("of all instances only one is inside the lock at a time", async (shelf) => {
    let inside = 0;
    const seen = await Promise.all(
      Array.from({ length: 6 }, () =>
        shelf.open().lock?.("a", 20_000, async (held) => {
          const others = inside++;
          await new Promise((resolve) => setTimeout(resolve, 5));
          inside--;
          return [held, others];
        })),
    );
    assertEquals(seen, Array.from({ length: 6 }, () => [true, 0]));
  });

  promise(
    "C-37: a lock that is never granted is waited for no longer than asked, then it runs without",
    async (shelf) => {
      const holder = await hold(shelf.open(), "a");
      const runs: boolean[] = [];
      await shelf.open().lock?.("a", 30, (held) => Promise.resolve(void runs.push(held)));
      assertEquals(runs, [false]);
      await holder.letGo();
    },
  );

  promise("who gave up waiting leaves nothing in the next one's way", async (shelf) => {
    const holder = await hold(shelf.open(), "a");
    await shelf.open().lock?.("a", 10, () => Promise.resolve());
    await holder.letGo();
    assertEquals(await shelf.open().lock?.("a", 5_000, (held) => Promise.resolve(held)), true);
  });

  promise(
    "a run that throws gives the lock back and its error on, be it one that locks throw too",
    async (shelf) => {
      const fault = new DOMException("aborted by the app", "AbortError");
      let runs = 0;
      const failing = async () =>
        await shelf.open().lock?.("a", 5_000, () => {
          runs++;
          throw fault;
        });
      assertEquals(await failing().catch((error) => error), fault);
      assertEquals(runs, 1);
      assertEquals(await shelf.open().lock?.("a", 5_000, (held) => Promise.resolve(held)), true);
    },
  );

  promise("the lock of one key is not that of another, and leaves the values alone", async (shelf) => {
    const store = shelf.open();
    await store.set("a", "x");
    const holder = await hold(store, "a");
    assertEquals(await store.lock?.("b", 5_000, (held) => Promise.resolve(held)), true);
    await store.set("a", "y");
    assertEquals(await shelf.open().get("a"), "y");
    await holder.letGo();
  });
}
