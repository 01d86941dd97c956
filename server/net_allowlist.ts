import { isHost, listDatabaseHosts, toUrlHost } from "./database_url.ts";
import { print } from "./observe/log.ts";

const address = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):\d{1,5}$/;

/**
 * Where `start` may listen and connect to, as `--allow-net` takes it: the service's own address and the
 * database's. What is no address is left out; the service reports it with all other faults.
 */
export function listNetAddresses(environment: Record<string, string | undefined>): string[] {
  const { HOST, PORT, DATABASE_URL, PGHOST, PGPORT } = environment;
  const listens = `${toUrlHost(HOST || "127.0.0.1")}:${PORT || "8000"}`;
  const hosts = listDatabaseHosts(DATABASE_URL ?? "");
  const connects = (hosts.length > 0 ? hosts : (PGHOST || "localhost").split(",")).map((name) =>
    /:\d+$/.test(name) ? name : `${name}:${PGPORT || "5432"}`
  );
  return [listens, ...connects].filter((candidate) => address.test(candidate) && isHost(candidate));
}

if (import.meta.main) {
  const names = ["HOST", "PORT", "DATABASE_URL", "PGHOST", "PGPORT"];
  print(listNetAddresses(Object.fromEntries(names.map((name) => [name, Deno.env.get(name)]))).join(","));
}
