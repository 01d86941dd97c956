/** Tries, under the permissions of `start`, what an intruder would. Exits 1 if anything is let through. */
import { print } from "../../server/observe/log.ts";

const probes: Record<string, () => unknown> = {
  "read a file of the system": () => Deno.readTextFile("/etc/passwd"),
  "read the source": () => Deno.readTextFile(new URL("../../deno.json", import.meta.url)),
  "write": () => Deno.writeTextFile(new URL("../../migrations/probe", import.meta.url), ""),
  "run a program": () => new Deno.Command("id").output(),
  "reach another host": () => fetch("http://127.0.0.1:8123/"),
  "listen elsewhere": () => Deno.listen({ hostname: "0.0.0.0", port: 0 }),
  "read another name of the environment": () => Deno.env.get("HOME"),
  "ask about the system": () => Deno.osRelease(),
  "load a library": () => Deno.dlopen("libc.so.6", {}),
};

const allowed: string[] = [];
for (const [name, probe] of Object.entries(probes)) {
  try {
    await probe();
    allowed.push(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) allowed.push(`${name} (${error})`);
  }
}
print(
  `ran ${Object.keys(probes).length} probes, ${allowed.length === 0 ? "all refused" : `allowed: ${allowed}`}`,
);
Deno.exit(allowed.length === 0 ? 0 : 1);
