import { assert, assertEquals, assertThrows } from "@std/assert";
import { startTestApp } from "../kit/app.ts";
import { createServiceRouter } from "../../server/service_router.ts";
import type { Meta } from "../../server/trpc.ts";

interface Procedure {
  _def: { type: string; meta?: Meta };
}

/** The policy table, a line a procedure, as the README shows it. */
function describePolicies(procedures: Record<string, Procedure>): string[] {
  return Object.entries(procedures).map(([path, { _def: { type, meta } }]) => {
    if (!meta?.policy) throw new Error(`${path} declares no policy: build it on the guarded procedures`);
    const { policy } = meta;
    const revocation = "revocation" in policy ? policy.revocation : undefined;
    const checked = policy.auth === "required" || policy.auth === "optional"
      ? revocation ?? "`REVOCATION_CHECK`"
      : "–";
    const maxAge = "maxAgeSeconds" in policy && policy.maxAgeSeconds ? `${policy.maxAgeSeconds} s` : "–";
    const roles = "roles" in policy && policy.roles ? policy.roles.join(", ") : "–";
    return `| \`${path}\` | ${type} | ${policy.auth} | ${checked} | ${maxAge} | ${roles} | ${
      meta.alone ? "yes" : "–"
    } |`;
  });
}

const header = [
  "| procedure | kind | caller | revocation | recent sign-in | roles | travels alone |",
  "|---|---|---|---|---|---|---|",
];

Deno.test("no procedure is unguarded: each declares its policy, and the README shows the table", async () => {
  await using app = await startTestApp();
  const { procedures } = createServiceRouter(app.auth)._def as unknown as {
    procedures: Record<string, Procedure>;
  };
  const table = [...header, ...describePolicies(procedures)].join("\n");
  const readme = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
  assert(readme.includes(table), `the README's policy table is not this one:\n${table}`);
});

Deno.test("a procedure without a declared policy fails the test above", () => {
  assertThrows(
    () => describePolicies({ forgotten: { _def: { type: "query" } } }),
    Error,
    "declares no policy",
  );
});

Deno.test("a procedure that declares a guard refuses a caller without a token", async () => {
  await using app = await startTestApp();
  const { procedures } = createServiceRouter(app.auth)._def as unknown as {
    procedures: Record<string, Procedure>;
  };
  for (const [path, { _def: { type, meta } }] of Object.entries(procedures)) {
    if (meta?.policy?.auth !== "required") continue;
    const answer = await app.call(path, type === "query" ? {} : { body: {} });
    assertEquals([path, answer.status, answer.auth?.reason], [path, 401, "TOKEN_MISSING"]);
  }
});
