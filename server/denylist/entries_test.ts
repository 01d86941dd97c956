import { assertEquals } from "@std/assert";
import { createEntries } from "./entries.ts";

Deno.test("an expiry that moves and an epoch that rises are told, and what says nothing new is not", () => {
  const entries = createEntries();
  const row = { sessionId: "a", userId: null, minEpoch: null, expiresAtSeconds: 10 };
  const user = { sessionId: null, userId: "u", minEpoch: 2, expiresAtSeconds: 10 };
  assertEquals(entries.add([row, row, user, user]), [row, user]);
  assertEquals(entries.add([{ ...row, expiresAtSeconds: 9 }, { ...user, minEpoch: 1 }]), []);
  const changed = [{ ...row, expiresAtSeconds: 11 }, { ...user, minEpoch: 3 }, {
    ...user,
    expiresAtSeconds: 12,
  }];
  assertEquals(entries.add(changed), changed);
  assertEquals([...entries.rows()], [
    { ...row, expiresAtSeconds: 11 },
    { ...user, minEpoch: 3, expiresAtSeconds: 12 },
  ]);
});
