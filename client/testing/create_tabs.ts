import { persistent, type SessionStorage, type TokenStore } from "../storage.ts";
import type { FakeClock } from "./fake_clock.ts";
import { createTabLocks } from "./tab_locks.ts";

/** What a tab gives its client: spread it into the client's options. */
export interface TabOptions {
  fetch: typeof fetch;
  storage: Required<SessionStorage>;
  clock: FakeClock;
}

/** One page of the browser. */
export interface Tab {
  readonly options: TabOptions;
  readonly isAlive: boolean;
  readonly isFrozen: boolean;
  /** The user closes it: its locks are free, and nothing that it waits for ever arrives. */
  kill(): void;
  /** The browser stops it where it waits: its locks stay its own. */
  freeze(): void;
  /** It goes on. */
  thaw(): void;
}

/** What the tabs of an origin share. */
export interface SharedStorage {
  readonly values: Map<string, string>;
  /** Set, it is thrown by every read and write of a tab. */
  fault: Error | null;
  /** Set, it is thrown by every write of a tab, as by a full storage. */
  writeFault: Error | null;
  /** The user clears the site's data. */
  clear(): void;
}

/** A browser with one origin. */
export interface Tabs {
  open(): Tab;
  readonly storage: SharedStorage;
}

/** Settings of {@link createTabs}. */
export interface TabsOptions {
  clock: FakeClock;
  fetch: typeof fetch;
  /** False for an insecure page or an old browser. @default true */
  hasLocks?: boolean;
  /** How long the other tabs take to hear of a change. @default 0 */
  eventDelayMs?: number;
  /** How long a read or write takes, as in IndexedDB; 0 answers at once, as `localStorage` does. @default 0 */
  storageDelayMs?: number;
}

interface Watcher {
  tab: Tab;
  key: string;
  changed: () => void;
}

/**
 * Builds a browser whose tabs share one storage, its events and its locks. Each tab can be killed or frozen between
 * any two steps of its client.
 *
 * @example
 * ```ts ignore
 * const tabs = createTabs({ clock, fetch: server.fetch });
 * const [one, other] = [tabs.open(), tabs.open()];
 * const client = createAuthClient<AppRouter>({ url, ...one.options });
 * one.kill();
 * ```
 */
export function createTabs(options: TabsOptions): Tabs {
  const { clock, fetch, hasLocks = true, eventDelayMs = 0, storageDelayMs = 0 } = options;
  const values = new Map<string, string>();
  const locks = createTabLocks(clock);
  let watchers: Watcher[] = [];

  function announce(key: string, writer: Tab | null, pass: (tab: Tab) => Promise<void>): void {
    for (const watcher of watchers.filter((one) => one.key === key && one.tab !== writer)) {
      const deliver = () =>
        void pass(watcher.tab).then(() => {
          if (watchers.includes(watcher)) watcher.changed();
        });
      if (eventDelayMs > 0) clock.setTimeout(deliver, eventDelayMs);
      else deliver();
    }
  }

  const passes = new Map<Tab, () => Promise<void>>();
  const pass = (tab: Tab) => passes.get(tab)?.() ?? Promise.resolve();

  const storage: SharedStorage = {
    values,
    fault: null,
    writeFault: null,
    clear() {
      const keys = [...values.keys()];
      values.clear();
      for (const key of keys) announce(key, null, pass);
    },
  };

  function guard<T>(run: () => T, isWrite: boolean): T {
    const fault = storage.fault ?? (isWrite ? storage.writeFault : null);
    if (fault !== null) throw fault;
    return run();
  }

  function open(): Tab {
    let isAlive = true;
    let thawed: PromiseWithResolvers<void> | null = null;

    async function passHere(): Promise<void> {
      while (isAlive && thawed !== null) await thawed.promise;
      if (!isAlive) await new Promise<never>(() => {});
    }

    function access<T>(run: () => T, isWrite = false): T | Promise<T> {
      if (isAlive && thawed === null && storageDelayMs === 0) return guard(run, isWrite);
      return accessLater(run, isWrite);
    }

    async function accessLater<T>(run: () => T, isWrite: boolean): Promise<T> {
      await passHere();
      const half = () => new Promise<void>((resolve) => void clock.setTimeout(resolve, storageDelayMs / 2));
      if (storageDelayMs > 0) await half();
      const result = await Promise.resolve().then(() => guard(run, isWrite)).finally(async () => {
        if (storageDelayMs > 0) await half();
        await passHere();
      });
      return result;
    }

    function change(key: string, value: string): void {
      if (values.get(key) === value) return;
      values.set(key, value);
      announce(key, tab, pass);
    }

    const store = persistent<Required<TokenStore>>({
      get: (key) => access(() => values.get(key) ?? null),
      set: (key, value) => access(() => change(key, value), true),
      watch(key: string, changed: () => void) {
        const watcher = { tab, key, changed };
        watchers.push(watcher);
        return () => void (watchers = watchers.filter((other) => other !== watcher));
      },
      lock: (key, waitMs, run) =>
        hasLocks ? locks.request(tab, { key, waitMs, run, pass: passHere }) : run(false),
    });

    const tab: Tab = {
      options: {
        clock: { ...clock, setTimeout: (run, ms) => clock.setTimeout(() => void passHere().then(run), ms) },
        storage: store,
        async fetch(input, init) {
          await passHere();
          return await fetch(input, init).finally(passHere);
        },
      },
      get isAlive() {
        return isAlive;
      },
      get isFrozen() {
        return thawed !== null;
      },
      kill() {
        isAlive = false;
        watchers = watchers.filter((watcher) => watcher.tab !== tab);
        locks.releaseAll(tab);
        thawed?.resolve();
      },
      freeze: () => void (thawed ??= Promise.withResolvers()),
      thaw() {
        thawed?.resolve();
        thawed = null;
      },
    };
    passes.set(tab, passHere);
    return tab;
  }

  return { open, storage };
}
