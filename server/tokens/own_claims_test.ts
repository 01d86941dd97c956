import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { reservedClaimNames } from "@watchword/shared";
import { z } from "zod";
import { createOwnClaimsCodec } from "./own_claims.ts";

const user = { id: crypto.randomUUID(), roles: [] };

Deno.test("an app's claims cannot take a reserved name: the start is refused", () => {
  for (const name of reservedClaimNames) {
    const shape = Object.defineProperty({}, name, { value: z.string(), enumerable: true });
    const claims = { schema: z.object(shape), make: () => ({}) };
    assertThrows(() => createOwnClaimsCodec(claims), Error, `claims must not be called ${name}`);
  }
});

Deno.test("a claim that is made beside the schema is a bug that shows, and no claim", async () => {
  const codec = createOwnClaimsCodec({
    schema: z.object({ plan: z.string() }),
    make: () => ({ plan: "paid", roles: ["admin"] }),
  });
  await assertRejects(() => codec.make(user));
});

Deno.test("without a schema there are no claims, whatever a token says", async () => {
  const codec = createOwnClaimsCodec(undefined);
  assertEquals([await codec.make(user), codec.parse({ plan: "paid" })], [{}, {}]);
});
