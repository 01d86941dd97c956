import { assert, assertEquals } from "@std/assert";
import type { RawAnswer } from "../kit/app.ts";

/** One call of a race, with the moments between which it took effect. */
export interface Call {
  op: "refresh" | "revoke" | "login" | "me";
  /** The refresh token that was presented. */
  parent?: string;
  status: number;
  reason: string | undefined;
  tokens: { accessToken: string; refreshToken: string; generation: number; sessionId: string } | undefined;
  invokedAt: number;
  returnedAt: number;
}

/** What happened in one race. */
export interface History {
  calls: Call[];
  /** Sends and writes down. */
  record(op: Call["op"], send: () => Promise<RawAnswer>, parent?: string): Promise<Call>;
}

/** Starts writing. */
export function startHistory(): History {
  const calls: Call[] = [];
  return {
    calls,
    async record(op, send, parent) {
      const invokedAt = performance.now();
      const { status, auth, data } = await send();
      const tokens = status === 200 ? data?.tokens ?? (data?.accessToken ? data : undefined) : undefined;
      const call: Call = {
        op,
        ...(parent === undefined ? {} : { parent }),
        status,
        reason: auth?.reason,
        tokens,
        invokedAt,
        returnedAt: performance.now(),
      };
      calls.push(call);
      return call;
    },
  };
}

const allowedReasons = new Set([undefined, "REFRESH_REUSED", "SESSION_REVOKED", "REFRESH_EXPIRED"]);

/** INV-9, the part that needs no fault: only documented answers, and never "I cannot know". */
export function assertClosedAnswers({ calls }: History): void {
  for (const { op, status, reason } of calls) {
    assert([200, 401].includes(status) && allowedReasons.has(reason), `${op}: ${status} ${reason}`);
  }
}

/** INV-2: one parent has one successor, and generations form one chain. */
export function assertNoFork({ calls }: History): void {
  const successors = new Map<string, string>();
  const generations = new Map<string, string>();
  for (const { op, parent, tokens } of calls) {
    if (op !== "refresh" || parent === undefined || tokens === undefined) continue;
    assertEquals(successors.get(parent) ?? tokens.refreshToken, tokens.refreshToken, "a second successor");
    successors.set(parent, tokens.refreshToken);
    const step = `${tokens.sessionId} ${tokens.generation}`;
    assertEquals(
      generations.get(step) ?? tokens.refreshToken,
      tokens.refreshToken,
      "a second token of a generation",
    );
    generations.set(step, tokens.refreshToken);
  }
}

/** INV-1 with S = 0 and INV-3: nothing of a family succeeds that was sent after its end was answered. */
export function assertDeadAfterEnd({ calls }: History): void {
  const ends = calls.filter(({ op, status, reason }) =>
    (op === "revoke" && status === 200) || reason === "REFRESH_REUSED"
  );
  const endedAt = Math.min(...ends.map(({ returnedAt }) => returnedAt));
  const late = calls.filter(({ op, status, invokedAt }) =>
    (op === "refresh" || op === "me") && status === 200 && invokedAt > endedAt
  );
  assertEquals(late.map(({ op }) => op), [], "succeeded after the end");
}

/** The tokens that a call was answered with. */
export function requireTokens({ op, status, reason, tokens }: Call): NonNullable<Call["tokens"]> {
  if (tokens === undefined) throw new Error(`${op} was answered ${status} ${reason}`);
  return tokens;
}
