import { assert, assertEquals } from "@std/assert";
import { reasons, type Tokens } from "@watchword/shared";
import type { Answer } from "./lane.ts";
import type { Access, Call, Genuine, Presented, Rules } from "./model.ts";

/** What the owner's SDK keeps in its store: the attempt id is there from before it is sent until the answer. */
interface Stored {
  generation: number;
  attempt: string | null;
  attemptedAt: number;
}

/** Everything ever handed out for one session. */
export interface Family {
  id: string;
  user: string;
  name: string;
  /** Refresh tokens by generation. */
  chain: string[];
  accesses: Access[];
  stored: Stored;
  /** The attempt id that its owner sent last. */
  lastAttempt: string | null;
  /** The SDK was told that the session is over, so it asks no more. */
  isSignedOut: boolean;
  /** Somebody other than its owner has presented one of its tokens. */
  isStolen: boolean;
  isTheftRefused: boolean;
  /** A sign-out or reuse was acknowledged. */
  isDead: boolean;
}

/** The history of one schedule, and the invariants that hold over it whatever the model says. */
export interface Ledger {
  families: Family[];
  accesses: Access[];
  find(id: string): Family;
  /** The token of a generation counted back from the latest. */
  present(family: Family, back: number): Genuine;
  /** Enters an answer. @throws when it breaks an invariant */
  enter(call: Call, answer: Answer, options: { isOwner: boolean }): void;
}

const codeOf: Record<string, { status: number }> = reasons;

interface Claims {
  sid: string;
  sub: string;
  ep: number;
  exp: number;
}

/** Reads a JWT's claims; whether it is genuine is asked elsewhere. */
export function readClaims(token: string): Claims & { iat: number } {
  const payload = token.split(".")[1] ?? "";
  return JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
}

/** An empty history. */
export function createLedger(rules: Rules, now: () => number): Ledger {
  const families: Family[] = [];
  const accesses: Access[] = [];
  const ledger: Ledger = {
    families,
    accesses,
    find(id) {
      const family = families.find((one) => one.id === id);
      if (family === undefined) throw new Error(`an answer named a session that was never opened: ${id}`);
      return family;
    },
    present({ id, chain }, count) {
      const generation = Math.max(0, chain.length - 1 - count);
      return { text: chain[generation]!, session: id, generation };
    },
    enter(call, answer, { isOwner }) {
      const { status, reason, data } = answer;
      // INV-9: only documented answers; the database is up, so never "I cannot know".
      if (status !== 200) assertEquals(codeOf[reason ?? ""]?.status, status, `INV-9: ${status} ${reason}`);
      assert(status < 500, `INV-9: ${status} ${reason}`);
      if (status === 200 && call.kind === "login") open(call.user, data.tokens.sessionId);
      if (status === 200 && call.kind === "stepUp") open(call.access.user, data.sessionId);
      if (call.kind === "refresh" && reason === "REFRESH_REUSED") enterReuse(call.token, isOwner);
      if (status === 200 && call.kind === "login") enterTokens(data.tokens);
      if (status === 200 && (call.kind === "refresh" || call.kind === "stepUp")) enterTokens(data);
      if (call.kind === "logout" && status === 200 && call.scope === "this") kill(call.access ?? call.token);
    },
  };

  function open(user: string, id: string) {
    const name = `s${families.length}`;
    const stored = { generation: 0, attempt: null, attemptedAt: 0 };
    families.push({
      id,
      user,
      name,
      chain: [],
      accesses: [],
      stored,
      lastAttempt: null,
      isSignedOut: false,
      isStolen: false,
      isTheftRefused: false,
      isDead: false,
    });
  }

  function kill(proof: Access | Presented | null) {
    if (proof !== null && "session" in proof) ledger.find(proof.session).isDead = true;
  }

  function enterReuse(token: Presented, isOwner: boolean) {
    if ("forged" in token) return;
    const family = ledger.find(token.session);
    family.isDead = true;
    // The replay window is the protocol's own limit: a client that was away for longer is taken for a thief.
    const isInTime = now() - family.stored.attemptedAt < rules.replaySeconds;
    assert(
      !isOwner || family.isStolen || !isInTime,
      "INV-4: a client that follows the protocol is called a thief",
    );
  }

  function enterTokens(tokens: Tokens) {
    const family = ledger.find(tokens.sessionId);
    // INV-3, except that an answer under way while the session ended may still arrive.
    assert(!family.isDead, "INV-3: a refresh of a session that was ended has succeeded");
    const { generation, refreshToken = "", accessToken } = tokens;
    family.chain[generation] ??= refreshToken;
    assertEquals(refreshToken, family.chain[generation], "INV-2: one parent has two successors");
    assertEquals(family.chain.includes(undefined as never), false, "INV-2: the chain has a gap");
    const { ep, exp } = readClaims(accessToken);
    const access = { text: accessToken, session: family.id, user: family.user, epoch: ep, expiresAt: exp };
    family.accesses.push(access);
    accesses.push(access);
  }

  return ledger;
}
