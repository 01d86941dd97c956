interface DenoLike {
  permissions: { querySync(descriptor: Permission): { state: string } };
}
type Permission = { name: "run" } | { name: "sys"; kind: "uid" };

/** Tells whether something may be done without a question to the person at the terminal, which only Deno asks. */
export function isPermitted(permission: Permission): boolean {
  const deno = Reflect.get(globalThis, "Deno") as DenoLike | undefined;
  return deno === undefined || deno.permissions.querySync(permission).state === "granted";
}
