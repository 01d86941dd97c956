import * as fc from "fast-check";

/**
 * A step of a schedule. Sessions, access tokens, generations and instances are counted back from the latest,
 * and wrap around, so that a schedule still means something when shrinking has taken steps out of it.
 */
export type Step = Shot | Aside | { op: "race"; first: Shot; second: Shot };

/** A step that is one request. */
export type Shot =
  & { at: number }
  & (
    | { op: "login"; user: number }
    /** The owner's SDK refreshes. `fate` is what becomes of the answer, or of the client before it asks. */
    | { op: "refresh"; session: number; fate: "arrives" | "lost" | "restarted" }
    /** Somebody presents a token of the session: with no attempt id, a new one, or the owner's. */
    | { op: "steal"; session: number; back: number; attempt: "none" | "new" | "owner's" }
    | { op: "forge"; session: number; back: number; how: "tag" | "secret" | "generation" | "graft" | "noise" }
    | { op: "me" | "list" | "database" | "replica" | "strict" | "stepUp"; access: number }
    | {
      op: "logout";
      scope: "this" | "others" | "all";
      session: number;
      back: number;
      proof: "bearer" | "refresh token" | "both" | "mismatched" | "forged";
    }
    | { op: "revoke"; access: number; target: number | "unknown" }
  );

/** A step that is more, or less, than a request. */
export type Aside =
  | { op: "jump"; to: "moment" | "access" | "leeway" | "replay" | "idle" | "absolute"; edge: -0.5 | 0 | 0.5 }
  | { op: "restart"; at: number }
  /** The database fails over to a standby that never saw the owner's last rotation. */
  | { op: "lose commits"; session: number; at: number }
  /** A revocation takes its place in the denylist, and commits after ones that came later. */
  | { op: "straggler"; session: number; at: number };

const at = fc.nat(2);
// Mostly the latest: old sessions and tokens have less left to happen to them.
const recent = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.nat(7) });
const back = fc.oneof({ weight: 3, arbitrary: fc.nat(1) }, { weight: 1, arbitrary: fc.nat(4) });
const scope = fc.oneof(
  { weight: 2, arbitrary: fc.constant("this" as const) },
  { weight: 1, arbitrary: fc.constantFrom("others" as const, "all" as const) },
);

const login = fc.record({ op: fc.constant("login" as const), user: fc.nat(1), at });
const refresh = fc.record({
  op: fc.constant("refresh" as const),
  session: recent,
  fate: fc.constantFrom("arrives" as const, "arrives" as const, "lost" as const, "restarted" as const),
  at,
});
const steal = fc.record({
  op: fc.constant("steal" as const),
  session: recent,
  back,
  attempt: fc.constantFrom("none" as const, "new" as const, "owner's" as const),
  at,
});
const forge = fc.record({
  op: fc.constant("forge" as const),
  session: recent,
  back,
  how: fc.constantFrom(...["tag", "secret", "generation", "graft", "noise"] as const),
  at,
});
const look = fc.record({
  op: fc.constantFrom(...["me", "me", "list", "database", "database", "replica", "strict"] as const),
  access: recent,
  at,
});
const stepUp = fc.record({ op: fc.constant("stepUp" as const), access: recent, at });
const logout = fc.record({
  op: fc.constant("logout" as const),
  scope,
  session: recent,
  back,
  proof: fc.constantFrom(...["bearer", "bearer", "refresh token", "both", "mismatched", "forged"] as const),
  at,
});
const revoke = fc.record({
  op: fc.constant("revoke" as const),
  access: recent,
  target: fc.oneof({ weight: 6, arbitrary: fc.nat(3) }, {
    weight: 1,
    arbitrary: fc.constant("unknown" as const),
  }),
  at,
});
const jump = fc.record({
  op: fc.constant("jump" as const),
  to: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom("moment" as const, "leeway" as const) },
    { weight: 3, arbitrary: fc.constantFrom("access" as const, "replay" as const) },
    { weight: 1, arbitrary: fc.constantFrom("idle" as const, "absolute" as const) },
  ),
  edge: fc.constantFrom(...[-0.5, 0, 0.5] as const),
});
const restart = fc.record({ op: fc.constant("restart" as const), at });
const loseCommits = fc.record({ op: fc.constant("lose commits" as const), session: recent, at });
const straggler = fc.record({ op: fc.constant("straggler" as const), session: recent, at });

// One look after another may hand out what lies between the two, so lists are not raced.
const contender: fc.Arbitrary<Shot> = fc.oneof(
  { weight: 5, arbitrary: refresh },
  { weight: 4, arbitrary: steal },
  { weight: 3, arbitrary: look.map((shot) => ({ ...shot, op: "database" as const })) },
  { weight: 3, arbitrary: logout },
  { weight: 2, arbitrary: revoke },
  { weight: 1, arbitrary: login },
  { weight: 1, arbitrary: stepUp },
);
const race = fc.record({ op: fc.constant("race" as const), first: contender, second: contender });

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: login },
  { weight: 24, arbitrary: refresh },
  { weight: 16, arbitrary: steal },
  { weight: 6, arbitrary: forge },
  { weight: 12, arbitrary: look },
  { weight: 1, arbitrary: stepUp },
  { weight: 4, arbitrary: logout },
  { weight: 3, arbitrary: revoke },
  { weight: 12, arbitrary: jump },
  { weight: 1, arbitrary: restart },
  { weight: 2, arbitrary: loseCommits },
  { weight: 2, arbitrary: straggler },
  { weight: 12, arbitrary: race },
);

/** Random schedules of about twenty steps. */
export const schedules: fc.Arbitrary<Step[]> = fc.array(step, { maxLength: 32, size: "max" });
