/** Reads a setting from the environment. @throws Error when it is not there */
export function requireSetting(name: string): string {
  const value = Deno.env.get(name);
  if (!value) throw new Error(`${name} is not set`);
  return value;
}
