import { AssertionError } from "@std/assert";
import { describe, isRight, questionOf } from "./answers.ts";
import type { Answer, Lane } from "./lane.ts";
import { createLedger, type Family, type Ledger } from "./ledger.ts";
import {
  type Access,
  type Call,
  isAccessExpired,
  isEnded,
  isLive,
  learnAll,
  type Model,
  STALENESS_SECONDS,
} from "./model.ts";
import { judge, play } from "./play.ts";

/** A call that is to be made, and what its caller does with the answer. */
export interface Sending {
  call: Call;
  label: string;
  /** Sent by the session's owner, through the SDK's protocol. */
  isOwner?: boolean;
  receive?(answer: Answer): void;
}

/** One schedule's users, history and models. */
export interface World {
  lane: Lane;
  users: { id: string; username: string }[];
  ledger: Ledger;
  /** Every state that the answers so far allow: after a race there may be two. */
  models: Model[];
  trace: string[];
  /** The session so many places before the last, those that live being the last. */
  findFamily(back: number): Family | undefined;
  /** The access token so many places before the last, the useful ones being the last. */
  findAccess(back: number): Access | undefined;
  /** Makes one call, or two at once, and holds the answers against the models. */
  send(...sendings: Sending[]): Promise<Answer[]>;
  /** Time passes. */
  jump(seconds: number, options?: { isUnseen?: boolean }): Promise<void>;
  restart(instance: number): Promise<void>;
}

/** One way in which calls made at once may have happened: in this order, some let in before the first took effect. */
interface Order {
  calls: Call[];
  isLetInEarly: boolean;
}

/**
 * The serial orders of calls made at once. What only a bearer or a held token lets in is judged when it arrives, so
 * the other's effect may come between that and its own: for those the second of an order may be let in early.
 */
function ordersOf(calls: Call[]): Order[] {
  const [first, second] = calls;
  if (first === undefined || second === undefined) return [{ calls, isLetInEarly: false }];
  const isTwoStep = ({ kind }: Call) => kind === "revoke" || kind === "logout";
  return [[first, second], [second, first]].flatMap((order) => [
    { calls: order, isLetInEarly: false },
    ...(isTwoStep(order[1]!) ? [{ calls: order, isLetInEarly: true }] : []),
  ]);
}

/** Plays one order. @returns what each call may answer, and the model afterwards */
function playOrder(model: Model, { calls, isLetInEarly }: Order, lane: Lane) {
  const after = structuredClone(model);
  const early = calls.map((call) => judge(after, call));
  const allowed = calls.map((call, i) =>
    (isLetInEarly ? early[i] : judge(after, call)) ?? play(after, lane.rules, call)
  );
  return { after, allowed };
}

/** Sets a schedule up: two users, nobody signed in. */
export async function createWorld(lane: Lane): Promise<World> {
  const users = await lane.addUsers(2);
  const usernames = new Map(users.map(({ id, username }) => [id, username]));
  const ledger = createLedger(lane.rules, lane.now);
  const startedAt = lane.now();
  const trace: string[] = [];

  function compare(sendings: Sending[], answers: Answer[]): void {
    const next = new Map<string, Model>();
    const right = new Set<string>();
    for (const model of world.models) {
      for (const order of ordersOf(sendings.map(({ call }) => call))) {
        const { after, allowed } = playOrder(model, order, lane);
        const isMatch = order.calls.every((call, i) => {
          const answer = answers[sendings.findIndex((sending) => sending.call === call)]!;
          return allowed[i]!.some((expected) => isRight(expected, answer, lane));
        });
        right.add(order.calls.map(({ kind }, i) => `${kind}: ${JSON.stringify(allowed[i])}`).join(", then "));
        if (isMatch) next.set(JSON.stringify(after), after);
      }
    }
    if (next.size === 0) {
      const got = answers.map((answer) => JSON.stringify(answer)).join(" and ")
        .replaceAll(/"[\w.-]{60,}"/g, '"…"');
      const passed = lane.now() - startedAt;
      throw new AssertionError(`after ${passed} s it answers ${got}\nright is ${[...right].join("\n or ")}`);
    }
    world.models = [...next.values()];
  }

  const endedNow = () =>
    ledger.families.filter(({ id }) => world.models.every((model) => isEnded(model, id)));

  async function ask(call: Call): Promise<Answer> {
    const question = questionOf(call, usernames);
    let answer = await lane.ask(call.instance, question);
    // A look that had begun before time passed is too old when it ends: so once, an instance may not know.
    if (call.kind === "replica" && answer.reason === "UNAVAILABLE") {
      answer = await lane.ask(call.instance, question);
    }
    if (answer.status === 200 && call.kind === "login") call.session = answer.data.tokens.sessionId;
    if (answer.status === 200 && call.kind === "stepUp") call.session = answer.data.sessionId;
    return answer;
  }

  /** Revoked means refused on the very next call, on every instance. */
  async function expectRefusedEverywhere(id: string): Promise<void> {
    const family = ledger.find(id);
    const access = family.accesses.findLast((one) => !isAccessExpired(world.models[0]!, one));
    if (access === undefined) return;
    for (let instance = 0; instance < lane.instanceCount; instance++) {
      const answer = await ask({ kind: "database", access, instance });
      if (answer.reason === "SESSION_REVOKED") continue;
      throw new AssertionError(`INV-1: ${family.name} gets ${describe(answer)} on #${instance}`);
    }
  }

  const world: World = {
    lane,
    users,
    ledger,
    models: [{
      now: lane.now(),
      users: Object.fromEntries(users.map(({ id }) => [id, { raises: [] }])),
      sessions: {},
    }],
    trace,
    findFamily: (back) => fromEnd(lastly(ledger.families, ({ id }) => isLive(world.models[0]!, id)), back),
    findAccess: (back) =>
      fromEnd(
        lastly(ledger.accesses, (access) => {
          const [model] = world.models;
          return isLive(model!, access.session) && !isAccessExpired(model!, access);
        }),
        back,
      ),
    async send(...sendings) {
      const endedBefore = endedNow();
      trace.push(sendings.map(({ label, call }) => `${label} on #${call.instance}`).join(" at once with "));
      const answers = await Promise.all(sendings.map(({ call }) => ask(call)));
      trace[trace.length - 1] += ` -> ${answers.map(describe).join(" and ")}`;
      sendings.forEach(({ call }, i) => lane.seen.add(`${call.kind}: ${answers[i]!.reason ?? "ok"}`));
      compare(sendings, answers);
      // Of two answers that crossed, a success was decided first.
      const settled = sendings.map((sending, i) => ({ sending, answer: answers[i]! }))
        .toSorted((a, b) => rank(a) - rank(b));
      for (const { sending, answer } of settled) {
        ledger.enter(sending.call, answer, { isOwner: sending.isOwner ?? false });
        sending.receive?.(answer);
      }
      for (const family of endedNow()) {
        if (!endedBefore.includes(family)) await expectRefusedEverywhere(family.id);
      }
      return answers;
    },
    async jump(seconds, options) {
      trace.push(`${seconds} s pass`);
      await lane.moveClock(seconds, options);
      for (const model of world.models) model.now += seconds;
    },
    async restart(instance) {
      trace.push(`#${instance} restarts`);
      await lane.restart(instance);
      for (const model of world.models) learnAll(model, instance);
    },
  };
  return world;
}

/** The one so many places before the last, wrapping around. */
export function fromEnd<T>(list: T[], back: number): T | undefined {
  return list.at(-1 - back % Math.max(1, list.length));
}

// What has ended has little left to happen to it, so it is chosen less often.
const lastly = <T>(list: T[], isLast: (one: T) => boolean): T[] =>
  list.toSorted((a, b) => Number(isLast(a)) - Number(isLast(b)));

const rank = ({ sending: { call }, answer }: { sending: Sending; answer: Answer }) =>
  answer.status === 200 && call.kind === "refresh" ? 0 : 1;

/** How far a clock must jump for a replica to have to ask again. */
export const BEYOND_STALENESS_SECONDS = STALENESS_SECONDS + 0.5;
