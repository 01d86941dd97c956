import { assertEquals } from "@std/assert";
import { findStale } from "../kit/mutation.ts";
import { mutants as modelMutants } from "../model/mutants.ts";
import { mutants as clientMutants } from "../simulator/mutants.ts";

Deno.test("every mutant fits the code that it takes a safeguard out of", async () => {
  assertEquals(
    (await Promise.all([...modelMutants, ...clientMutants].map((mutant) => findStale(mutant)))).flat(),
    [],
  );
});
