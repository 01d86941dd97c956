// Run from the built package: `bare_import.js ENTRY…`. Imports each entry and prints what that touched or left behind.
import process from "node:process";

const touched: string[] = [];
const storages = [
  "localStorage",
  "sessionStorage",
  "indexedDB",
  "caches",
  "document",
  "BroadcastChannel",
  "Worker",
];
for (const name of storages) {
  Object.defineProperty(globalThis, name, {
    configurable: true,
    get: () => void touched.push(name),
  });
}
for (const name of ["setTimeout", "setInterval", "addEventListener", "fetch"] as const) {
  const original = Reflect.get(globalThis, name);
  Reflect.set(globalThis, name, (...parameters: unknown[]) => {
    touched.push(name);
    return Reflect.apply(original, globalThis, parameters);
  });
}

const countResources = () => process.getActiveResourcesInfo?.().length ?? 0;
const before = countResources();
let exported = 0;
for (const entry of process.argv.slice(2)) exported += Object.keys(await import(entry)).length;
process.stdout.write(JSON.stringify({ touched, left: countResources() - before, hasExports: exported > 0 }));
