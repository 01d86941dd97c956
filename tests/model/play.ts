/**
 * The rules of the reference: what each call answers, and what it changes.
 *
 * @module
 */
import {
  type Access,
  type Call,
  denialsOf,
  deny,
  expiresAt,
  find,
  type Genuine,
  isAccessExpired,
  isEnded,
  isLive,
  isOver,
  type Model,
  type ModelSession,
  type Rules,
  STALENESS_SECONDS,
} from "./model.ts";

/** What an answer must say. */
export type Expected =
  | { tokens: { session: string; generation: number; epoch: number; idleAt: number; absoluteAt: number } }
  | { me: { user: string; session: string; lastUsedAt: number; expiresAt: number } }
  | { list: string[] }
  | { done: true }
  | { refused: string };

const refused = (...reasons: string[]): Expected[] => reasons.map((reason) => ({ refused: reason }));

/** Null lets the bearer in. */
function guard(model: Model, access: Access): Expected[] | null {
  if (isAccessExpired(model, access)) return refused("TOKEN_EXPIRED");
  return isEnded(model, access.session) ? refused("SESSION_REVOKED") : null;
}

function tokensOf(id: string, { generation, epoch, idleAt, absoluteAt }: ModelSession): Expected[] {
  return [{ tokens: { session: id, generation, epoch, idleAt, absoluteAt } }];
}

function open(
  model: Model,
  rules: Rules,
  { user, session: id }: { user: string; session: string },
): Expected[] {
  const { now } = model;
  const absoluteAt = now + rules.absoluteSeconds;
  const session: ModelSession = {
    user,
    epoch: model.users[user]?.raises.length ?? 0,
    generation: 0,
    rotation: null,
    createdAt: now,
    idleAt: Math.min(absoluteAt, now + rules.idleSeconds),
    absoluteAt,
    revoked: null,
  };
  model.sessions[id] = session;
  return tokensOf(id, session);
}

/** The decision table, row by row. */
function refresh(model: Model, rules: Rules, call: Extract<Call, { kind: "refresh" }>): Expected[] {
  const { token, attempt } = call;
  if ("forged" in token) return refused("REFRESH_INVALID");
  const { session } = find(model, token.session);
  const { now } = model;
  if (isEnded(model, token.session)) return refused("SESSION_REVOKED");
  if (isOver(model, session)) return refused("REFRESH_EXPIRED");
  if (token.generation > session.generation) return refused("REFRESH_EXPIRED");
  if (token.generation === session.generation) {
    session.generation++;
    session.rotation = { at: now, attempt };
    session.idleAt = Math.min(session.absoluteAt, now + rules.idleSeconds);
    return tokensOf(token.session, session);
  }
  if (token.generation === session.generation - 1 && session.rotation !== null) {
    const age = now - session.rotation.at;
    const isSameAttempt = attempt !== null && attempt === session.rotation.attempt;
    if (age < rules.leewaySeconds || (isSameAttempt && age < rules.replaySeconds)) {
      return tokensOf(token.session, session);
    }
  }
  deny(session, now, [call.instance]);
  return refused("REFRESH_REUSED");
}

/** Null lets a sign-out in: it needs proof of a session, and beyond that session a live one. */
function guardLogout(
  model: Model,
  { scope, access, token }: Extract<Call, { kind: "logout" }>,
): Expected[] | null {
  if (token !== null && "forged" in token) return refused("REFRESH_INVALID");
  if (access !== null && token !== null && access.session !== token.session) return refused("FORBIDDEN");
  const id = access?.session ?? token?.session;
  if (id === undefined) return refused("TOKEN_MISSING");
  if (scope === "this") return null;
  const { session } = find(model, id);
  const bearerIsValid = access !== null && !isAccessExpired(model, access);
  const isHeld = token !== null && token.generation <= session.generation &&
    token.generation >= session.generation - 1;
  // Several of these may hold at once, and nothing says which is named.
  const faults = [
    ...(isEnded(model, id) ? ["SESSION_REVOKED"] : []),
    ...(isOver(model, session) ? ["REFRESH_EXPIRED"] : []),
    ...(bearerIsValid || isHeld ? [] : [token === null ? "TOKEN_EXPIRED" : "REFRESH_INVALID"]),
  ];
  return faults.length > 0 ? refused(...faults) : null;
}

function logout(
  model: Model,
  { scope, access, token, instance }: Extract<Call, { kind: "logout" }>,
): Expected[] {
  const id = access?.session ?? (token as Genuine).session;
  const { session, user } = find(model, id);
  if (scope === "this") deny(session, model.now, [instance]);
  if (scope === "all") user.raises.push({ at: model.now, knownTo: [instance] });
  for (const [otherId, other] of Object.entries(model.sessions)) {
    if (scope === "others" && other.user === session.user && otherId !== id) {
      deny(other, model.now, [instance]);
    }
  }
  return [{ done: true }];
}

/** More authentication makes a new session in place of the old one. */
function stepUp(
  model: Model,
  rules: Rules,
  { access, session, instance }: Extract<Call, { kind: "stepUp" }>,
) {
  deny(find(model, access.session).session, model.now, [instance]);
  return open(model, rules, { user: access.user, session });
}

function revoke(model: Model, { access, target, instance }: Extract<Call, { kind: "revoke" }>): Expected[] {
  const session = model.sessions[target];
  if (session?.user !== access.user) return refused("NOT_FOUND");
  deny(session, model.now, [instance]);
  return [{ done: true }];
}

function me(model: Model, { user, session: id }: Access): Expected[] {
  const { session } = find(model, id);
  const lastUsedAt = session.rotation?.at ?? session.createdAt;
  return [{ me: { user, session: id, lastUsedAt, expiresAt: expiresAt(session) } }];
}

/** On a replica alone, a revocation may go unnoticed for S, except where it was acknowledged. */
function replica(model: Model, { access, instance }: { access: Access; instance: number }): Expected[] {
  if (isAccessExpired(model, access)) return refused("TOKEN_EXPIRED");
  const denials = denialsOf(model, access.session);
  if (denials.length === 0) return [{ done: true }];
  const isKnown = denials.some(({ at, knownTo }) =>
    knownTo.includes(instance) || model.now - at > STALENESS_SECONDS
  );
  return isKnown ? refused("SESSION_REVOKED") : [{ done: true }, ...refused("SESSION_REVOKED")];
}

/** Null lets the call in. What it then does, it does whatever else is going on. */
export function judge(model: Model, call: Call): Expected[] | null {
  switch (call.kind) {
    case "login":
    case "refresh":
    case "replica":
      return null;
    case "logout":
      return guardLogout(model, call);
    default:
      return guard(model, call.access);
  }
}

/**
 * Plays a call that was let in against the model, which it changes.
 *
 * @returns every answer that would be right
 */
export function play(model: Model, rules: Rules, call: Call): Expected[] {
  switch (call.kind) {
    case "login":
      return open(model, rules, call);
    case "stepUp":
      return stepUp(model, rules, call);
    case "refresh":
      return refresh(model, rules, call);
    case "logout":
      return logout(model, call);
    case "me":
      return me(model, call.access);
    case "list":
      return [{ list: listLive(model, call.access.user) }];
    case "database":
    case "strict":
      return [{ done: true }];
    case "revoke":
      return revoke(model, call);
    case "replica":
      return replica(model, call);
  }
}

function listLive(model: Model, user: string): string[] {
  return Object.keys(model.sessions).filter((id) =>
    find(model, id).session.user === user && isLive(model, id)
  ).sort();
}
