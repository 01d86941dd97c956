// What is used of IndexedDB, for programs that are compiled without the types of a browser.
interface RequestLike<T> {
  readonly result: T;
  readonly error: Error | null;
  onsuccess: (() => void) | null;
  onerror: (() => void) | null;
}
interface TransactionLike {
  readonly error: Error | null;
  oncomplete: (() => void) | null;
  onabort: (() => void) | null;
  objectStore(name: string): ObjectStoreLike;
}
interface DatabaseLike {
  onversionchange: (() => void) | null;
  createObjectStore(name: string): unknown;
  transaction(store: string, mode: Mode, options: { durability: "strict" }): TransactionLike;
  close(): void;
}
interface FactoryLike {
  open(name: string): RequestLike<DatabaseLike> & { onupgradeneeded: (() => void) | null };
}

interface ObjectStoreLike {
  get(key: string): RequestLike<unknown>;
  put(value: string, key: string): RequestLike<unknown>;
  delete(key: string): RequestLike<unknown>;
}
type Mode = "readonly" | "readwrite";
type Act = (store: ObjectStoreLike) => RequestLike<unknown>;

const STORE = "sessions";

/** Builds a connection that is opened at its first use, and again after it was closed or lost. */
export function createConnection(name: string): (mode: Mode, act: Act) => Promise<unknown> {
  let current: Promise<DatabaseLike> | null = null;

  return async (mode, act) => {
    const used = current ??= open(name);
    try {
      return await transact(await used, mode, act);
    } catch {
      // It was closed, by us or by the browser, as that of a sleeping worker: once more, on a new one.
      if (current === used) current = null;
      used.then((database) => database.close(), () => {});
      return await transact(await (current ??= open(name)), mode, act);
    }
  };
}

/** Opens the database as it is: one that a later version has upgraded stays in use. */
function open(name: string): Promise<DatabaseLike> {
  return new Promise((resolve, reject) => {
    const factory = Reflect.get(globalThis, "indexedDB") as FactoryLike | undefined;
    if (factory === undefined) throw new Error("there is no IndexedDB here");
    const request = factory.open(name);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      const database = request.result;
      // Who upgrades or deletes the database has to wait for as long as this connection is open.
      database.onversionchange = () => database.close();
      resolve(database);
    };
  });
}

/** Settles when the transaction has ended: a request that succeeded is not stored yet. */
function transact(database: DatabaseLike, mode: Mode, act: Act): Promise<unknown> {
  return new Promise((resolve, reject) => {
    // Strict: a rotated refresh token that a power cut takes back looks like a stolen one.
    const transaction = database.transaction(STORE, mode, { durability: "strict" });
    const request = act(transaction.objectStore(STORE));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => reject(transaction.error ?? new Error("the transaction was aborted"));
  });
}
