import { assertEquals } from "@std/assert";
import { endsTransaction } from "./app_transaction.ts";

Deno.test("a statement that begins or ends a transaction is told from one that only speaks of it", () => {
  const ending = [
    "COMMIT",
    "commit;",
    "\n\t commit work",
    "; ;commit",
    "--x\ncommit",
    "--x\rcommit",
    "/**/commit",
    "/* a */--b\n/* c */ end",
    "/* /* */ */ commit",
    "rollback",
    "rollback and chain",
    "ROLLBACK WORK",
    "abort",
    "begin",
    "start transaction",
    "prepare transaction 'x'",
  ];
  const harmless = [
    "select 1",
    "insert into commits values ('commit')",
    "-- commit\nselect 1",
    "/* rollback */ select 1",
    "commits",
    "endpoints",
    "with a as (select 1) select * from a",
    "rollback to savepoint a",
    "rollback  to a",
    "savepoint a",
    "release savepoint a",
    "",
  ];
  assertEquals(ending.filter((statement) => !endsTransaction(statement)), []);
  assertEquals(harmless.filter(endsTransaction), []);
});
