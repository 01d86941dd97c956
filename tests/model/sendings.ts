import { Buffer } from "node:buffer";
import type { Family } from "./ledger.ts";
import type { Access, Presented } from "./model.ts";
import type { Shot } from "./schedule.ts";
import { fromEnd, type Sending, type World } from "./world.ts";

type ShotOf<Op extends Shot["op"]> = Extract<Shot, { op: Op }>;

/** 16 random bytes as the wire wants them. */
const newAttempt = () => Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64url");

/** What the owner's SDK sends: the stored token, under the stored attempt id or a new one that is stored first. */
export function refreshAsOwner(
  { lane }: World,
  family: Family,
  { fate, instance }: { fate: ShotOf<"refresh">["fate"]; instance: number },
): Sending | null {
  if (family.isSignedOut) return null;
  // A client that starts again has what its store has, and nothing else.
  if (fate === "restarted") family.stored = JSON.parse(JSON.stringify(family.stored));
  const { stored } = family;
  if (stored.attempt === null) Object.assign(stored, { attempt: newAttempt(), attemptedAt: lane.now() });
  const { generation, attempt } = stored;
  family.lastAttempt = attempt;
  return {
    call: {
      kind: "refresh",
      instance,
      token: { text: family.chain[generation]!, session: family.id, generation },
      attempt,
    },
    label: `the owner of ${family.name} refreshes generation ${generation}${
      fate === "lost" ? ", in vain" : ""
    }`,
    isOwner: true,
    receive({ status, data }) {
      if (fate === "lost") return;
      if (status !== 200) family.isSignedOut = true;
      // Of two tabs' answers the newer one counts.
      else if (data.generation >= family.stored.generation) {
        family.stored = { generation: data.generation, attempt: null, attemptedAt: 0 };
      }
    },
  };
}

function steal({ ledger }: World, family: Family, { back, attempt, at }: ShotOf<"steal">): Sending | null {
  // Whoever is refused has learned all there is; of a session that is over, one token tells it.
  if (family.isTheftRefused || (family.isDead && back > 0)) return null;
  const token = ledger.present(family, back);
  family.isStolen = true;
  const attempts = { none: null, new: newAttempt(), "owner's": family.lastAttempt };
  return {
    call: { kind: "refresh", instance: at, token, attempt: attempts[attempt] },
    label: `a thief presents generation ${token.generation} of ${family.name}, attempt id: ${attempt}`,
    receive({ status }) {
      family.isTheftRefused = status !== 200;
    },
  };
}

/** A token that is genuine but for one thing. */
function alter(text: string, how: ShotOf<"forge">["how"], other: string): string {
  const bytes = Buffer.from(text, "base64url");
  const TAG_AT = 53;
  switch (how) {
    case "tag":
      bytes[TAG_AT + 3]! ^= 1;
      break;
    case "secret":
      bytes[30]! ^= 1;
      break;
    case "generation":
      bytes[20]! ^= 1;
      break;
    case "graft":
      Buffer.from(other, "base64url").copy(bytes, TAG_AT, TAG_AT);
      break;
    case "noise":
      crypto.getRandomValues(bytes);
      break;
  }
  return bytes.toString("base64url");
}

function forge({ ledger }: World, family: Family, back: number, how: ShotOf<"forge">["how"]): Presented {
  const { text } = ledger.present(family, back);
  // A tag of another session; with only one session, of another generation; with only one token, of none.
  const others = ledger.families.flatMap(({ chain }) => chain).filter((token) => token !== text);
  const altered = others.length === 0 && how === "graft"
    ? alter(text, "tag", "")
    : alter(text, how, others[0] ?? "");
  return { text: altered, forged: true };
}

function logout(world: World, family: Family, { scope, proof, back, at }: ShotOf<"logout">): Sending {
  const { ledger } = world;
  const bearer = fromEnd(family.accesses, back) ?? null;
  const other = ledger.families.find(({ id }) => id !== family.id) ?? family;
  const proofs: Record<typeof proof, { access: Access | null; token: Presented | null }> = {
    bearer: { access: bearer, token: null },
    "refresh token": { access: null, token: ledger.present(family, back) },
    both: { access: bearer, token: ledger.present(family, back) },
    mismatched: { access: bearer, token: ledger.present(other, back) },
    forged: { access: null, token: forge(world, family, back, "tag") },
  };
  return {
    call: { kind: "logout", instance: at, scope, ...proofs[proof] },
    label: `logout ${scope} of ${family.name} by ${proof}`,
  };
}

function nameOf({ ledger }: World, access: Access): string {
  const { name, accesses } = ledger.find(access.session);
  return `access token ${accesses.indexOf(access)} of ${name}`;
}

/** Turns a step into a request; null while there is nothing to make it of. */
export function toSending(world: World, shot: Shot): Sending | null {
  const { lane, users } = world;
  const instance = shot.at % lane.instanceCount;
  if (shot.op === "login") {
    const user = users[shot.user]!;
    return {
      call: { kind: "login", instance, user: user.id, session: "" },
      label: `user ${shot.user} logs in`,
    };
  }
  if ("access" in shot) {
    const access = world.findAccess(shot.access);
    if (access === undefined) return null;
    if (shot.op === "stepUp") {
      return {
        call: { kind: "stepUp", instance, access, session: "" },
        label: `step-up by ${nameOf(world, access)}`,
      };
    }
    if (shot.op !== "revoke") {
      return { call: { kind: shot.op, instance, access }, label: `${shot.op} by ${nameOf(world, access)}` };
    }
    const target = shot.target === "unknown" ? null : world.findFamily(shot.target);
    return {
      call: { kind: "revoke", instance, access, target: target?.id ?? crypto.randomUUID() },
      label: `revoke ${target?.name ?? "an unknown session"} by ${nameOf(world, access)}`,
    };
  }
  const family = world.findFamily(shot.session);
  if (family === undefined) return null;
  switch (shot.op) {
    case "refresh":
      return refreshAsOwner(world, family, { fate: shot.fate, instance });
    case "steal":
      return steal(world, family, { ...shot, at: instance });
    case "forge":
      return {
        call: {
          kind: "refresh",
          instance,
          token: forge(world, family, shot.back, shot.how),
          attempt: newAttempt(),
        },
        label: `a token of ${family.name} with another ${shot.how} is presented`,
      };
    case "logout":
      return logout(world, family, { ...shot, at: instance });
  }
}
