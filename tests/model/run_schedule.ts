import type { Lane } from "./lane.ts";
import { type Access, denyBehind } from "./model.ts";
import type { Aside, Step } from "./schedule.ts";
import { refreshAsOwner, toSending } from "./sendings.ts";
import { BEYOND_STALENESS_SECONDS, createWorld, type World } from "./world.ts";

/** A schedule went another way than the model; the message holds every step up to there. */
export class Divergence extends Error {
  override readonly name = "Divergence";
}

function secondsOf({ lane: { rules } }: World, { to, edge }: Extract<Aside, { op: "jump" }>): number {
  const seconds = {
    moment: 1,
    access: rules.accessSeconds + 5,
    leeway: rules.leewaySeconds,
    replay: rules.replaySeconds,
    idle: rules.idleSeconds,
    absolute: rules.absoluteSeconds,
  };
  return Math.max(0.5, seconds[to] + edge);
}

async function loseCommits(world: World, step: Extract<Aside, { op: "lose commits" }>): Promise<void> {
  const family = world.findFamily(step.session);
  const [model] = world.models;
  if (family === undefined || model === undefined || world.models.length > 1) return;
  const { sql } = world.lane.database;
  const instance = step.at % world.lane.instanceCount;
  const sending = refreshAsOwner(world, family, { fate: "arrives", instance });
  if (sending === null) return;
  const before = structuredClone(model.sessions[family.id]!);
  const [backup] = await sql`select to_jsonb(s) as row from sessions s where id = ${family.id}`;
  const [answer] = await world.send(sending);
  if (answer?.status !== 200) return;
  world.trace.push("the database loses that commit");
  await sql`
    update sessions set (generation, current_hash, previous_hash, attempt_hash, ratchet_key, rotated_at,
      last_access_expires_at, idle_expires_at) = (select generation, current_hash, previous_hash, attempt_hash,
      ratchet_key, rotated_at, last_access_expires_at, idle_expires_at
      from jsonb_populate_record(null::sessions, ${backup!.row}))
    where id = ${family.id}`;
  for (const one of world.models) one.sessions[family.id] = structuredClone(before);
}

/** Asks every instance about an access token. */
async function lookEverywhere(world: World, kind: "database" | "replica", access: Access): Promise<void> {
  const label = `${kind} by the latest access token of ${world.ledger.find(access.session).name}`;
  for (let instance = 0; instance < world.lane.instanceCount; instance++) {
    await world.send({ call: { kind, instance, access }, label });
  }
}

async function overtake(world: World, step: Extract<Aside, { op: "straggler" }>): Promise<void> {
  const { lane, trace } = world;
  const family = world.findFamily(step.session);
  if (family === undefined) return;
  const instance = step.at % lane.instanceCount;
  const refresh = refreshAsOwner(world, family, { fate: "arrives", instance });
  if (refresh !== null) await world.send(refresh);
  const access = family.accesses.at(-1)!;
  // The token must outlive what follows, whatever an instance takes the time to be.
  if (access.expiresAt < lane.now() + 3 * BEYOND_STALENESS_SECONDS) return;

  const { sql } = lane.database;
  await sql.begin(async (tx) => {
    trace.push(`a revocation of ${family.name} is written, and not committed`);
    const expiresAt = lane.now() + 600;
    await tx`insert into denylist (session_id, expires_at) values (${family.id}, to_timestamp(${expiresAt}))`;
    trace.push("a later one of another session commits");
    const other = crypto.randomUUID();
    await sql`insert into denylist (session_id, expires_at) values (${other}, to_timestamp(${expiresAt}))`;
    await world.jump(BEYOND_STALENESS_SECONDS, { isUnseen: true });
    await lookEverywhere(world, "replica", access);
    await lookEverywhere(world, "database", access);
    await tx`update sessions set revoked_at = to_timestamp(${lane.now()}), revoke_reason = 'by hand'
      where id = ${family.id} and revoked_at is null`;
  });
  trace.push(`the revocation of ${family.name} commits`);
  for (const model of world.models) denyBehind(model, family.id);
  await lookEverywhere(world, "database", access);
  await world.jump(BEYOND_STALENESS_SECONDS, { isUnseen: true });
  await lookEverywhere(world, "replica", access);
  await world.jump(0.5);
}

async function runStep(world: World, step: Step): Promise<void> {
  switch (step.op) {
    case "jump":
      return await world.jump(secondsOf(world, step));
    case "restart":
      return await world.restart(step.at % world.lane.instanceCount);
    case "lose commits":
      return await loseCommits(world, step);
    case "straggler":
      return await overtake(world, step);
    case "race": {
      const first = toSending(world, step.first);
      const second = toSending(world, step.second);
      if (first === null || second === null) return;
      // Two instances: what one of them knows must not help the other.
      second.call.instance = (first.call.instance + 1) % world.lane.instanceCount;
      await world.send(first, second);
      return;
    }
    default: {
      const sending = toSending(world, step);
      if (sending !== null) await world.send(sending);
    }
  }
}

/** Plays a schedule with users of its own. @throws Divergence where an answer is not the model's */
export async function runSchedule(lane: Lane, steps: Step[]): Promise<void> {
  const world = await createWorld(lane);
  try {
    await runStep(world, { op: "login", user: 0, at: 0 });
    for (const step of steps) await runStep(world, step);
  } catch (error) {
    const story = world.trace.map((line, i) => `${String(i + 1).padStart(3)}  ${line}`).join("\n");
    throw new Divergence(`${story}\n     ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
}
