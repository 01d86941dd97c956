import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { RegisteredClaims } from "@watchword/shared";
import { parseClaims, registeredClaimNames } from "./parse_claims.ts";

const seed = Number(Deno.env.get("SEED") ?? 7239);
const runs = Deno.env.get("LONG") === "1" ? 200_000 : 20_000;
const guid = "01890A5D-ac96-774b-bcce-b302099a8057";
const genuine: RegisteredClaims = {
  iss: "http://watchword.test",
  aud: "watchword",
  sub: guid,
  client_id: "watchword",
  iat: 1_800_000_000,
  exp: 1_800_000_600,
  jti: "1",
  sid: guid,
  ep: 0,
  auth_time: 1_800_000_000,
  amr: ["pwd"],
  roles: [],
};

/** What the schema of the wire says. */
function parseBySchema(payload: Record<string, unknown>) {
  const parsed = RegisteredClaims.safeParse(payload);
  if (!parsed.success) return null;
  const names: readonly string[] = registeredClaimNames;
  const own = Object.entries(payload).filter(([name]) => !names.includes(name));
  return { registered: parsed.data, own: Object.fromEntries(own) };
}

const edges: unknown[] = [
  ...[0, -0, 1, -1, 0.5, 1e20, 2 ** 53 - 1, 2 ** 53, 253_402_300_799, 253_402_300_800, NaN, Infinity],
  ...[
    "",
    "1",
    guid,
    guid.slice(1),
    `${guid} `,
    ` ${guid}`,
    `${guid}\n`,
    `{${guid}}`,
    guid.replaceAll("-", ""),
  ],
  ...[
    "g".repeat(8) + guid.slice(8),
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
  ],
  ...[null, undefined, true, false, {}, { length: 0 }, [], [""], ["a", "b"], [1], [null], [undefined], [[
    "a",
  ]]],
];
const value = fc.oneof(fc.constantFrom(...edges), fc.jsonValue(), fc.integer(), fc.double(), fc.uuid());
const name = fc.oneof(
  fc.constantFrom(...registeredClaimNames),
  fc.string(),
  fc.constantFrom("nbf", "cnf", "toString"),
);

Deno.test("each claim alone is taken and refused as the schema does it", () => {
  for (const claim of registeredClaimNames) {
    for (const edge of edges) {
      const payload = { ...genuine, [claim]: edge };
      assertEquals([claim, edge, parseClaims(payload)], [claim, edge, parseBySchema(payload)]);
    }
    const { [claim]: _, ...rest } = genuine;
    assertEquals(parseClaims(rest), null);
  }
  assertEquals(parseClaims({}), null);
  assertEquals(parseClaims(Object.create(genuine)), null);
});

Deno.test(`any payload is taken and refused as the schema does it (seed ${seed}, ${runs} runs)`, () => {
  let taken = 0;
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 3 }), (changes) => {
      const payload = { ...genuine, ...Object.fromEntries(changes) };
      const parsed = parseClaims(payload);
      if (parsed !== null) taken++;
      assertEquals(parsed, parseBySchema(payload));
    }),
    { seed, numRuns: runs },
  );
  assert(taken > runs / 20 && taken < runs * 0.95, `${taken} were taken`);
});

Deno.test("the names are those of the schema", () => {
  assertEquals(registeredClaimNames.toSorted(), Object.keys(RegisteredClaims.shape).toSorted());
});

Deno.test("what is remembered of a token nobody can change, however deep it is", () => {
  const claims = parseClaims({ ...genuine, perms: { admin: false, teams: [{ name: "a" }] } });
  const own = claims?.own as { perms: { admin: boolean; teams: { name: string }[] } };
  const changes = [
    () => claims?.registered.roles.push("admin"),
    () => claims?.registered.amr.push("mfa"),
    () => own.perms.admin = true,
    () => own.perms.teams.push({ name: "b" }),
    () => own.perms.teams.map((team) => team.name = "b"),
    () => Object.assign(own, { more: 1 }),
  ];
  for (const change of changes) assertThrows(change, TypeError);
});
