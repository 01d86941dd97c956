/** Makes the three seconds that the client's session gives a store short ones. */
export function hastenStores(): Disposable {
  const { setTimeout: native } = globalThis;
  const isClients = () => new Error().stack?.includes("client/limit.ts");
  const hasty = (run: (...rest: unknown[]) => void, ms?: number, ...rest: unknown[]) =>
    native(() => run(...rest), ms === 3_000 && isClients() ? 15 : ms);
  globalThis.setTimeout = hasty as typeof setTimeout;
  return { [Symbol.dispose]: () => void (globalThis.setTimeout = native) };
}
