import { assertEquals } from "@std/assert";
import { listNetAddresses } from "./net_allowlist.ts";

const cases: [string, Record<string, string>, string[]][] = [
  ["nothing is set", {}, ["127.0.0.1:8000", "localhost:5432"]],
  ["the port is the database's default", { DATABASE_URL: "postgres://u:p@db.test/x" }, [
    "127.0.0.1:8000",
    "db.test:5432",
  ]],
  ["the password holds an @", { DATABASE_URL: "postgres://u:p@ss@db.test:6000/x" }, [
    "127.0.0.1:8000",
    "db.test:6000",
  ]],
  ["there are several databases", { PORT: "0", DATABASE_URL: "postgres://u@a:1,b:2/x?sslmode=require" }, [
    "127.0.0.1:0",
    "a:1",
    "b:2",
  ]],
  ["the addresses are IPv6", { HOST: "::", DATABASE_URL: "postgresql://u@[::1]:5433/x" }, [
    "[::]:8000",
    "[::1]:5433",
  ]],
  ["the host comes from PGHOST", { DATABASE_URL: "postgres:///x", PGHOST: "db.test", PGPORT: "7000" }, [
    "127.0.0.1:8000",
    "db.test:7000",
  ]],
  ["a setting is no address", { PORT: "0,example.com", DATABASE_URL: "postgres://db.test:5432" }, [
    "db.test:5432",
  ]],
];

for (const [name, environment, addresses] of cases) {
  Deno.test(`R-101: the sandbox opens the service's address and the database's, and no other, when ${name}`, () => {
    assertEquals(listNetAddresses(environment), addresses);
  });
}
