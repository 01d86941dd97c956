import type { StepUpInput, Tokens } from "@watchword/shared";
import { AuthError, refuse } from "../../auth_error.ts";
import { isPasswordTooLong } from "../../passwords/policy.ts";
import type { Identity } from "../../request.ts";
import { insertAuditEvent } from "../../store/audit_events.ts";
import { findUserById, lockVerifiedUser } from "../../store/users.ts";
import { auditFacts, openSession } from "../_private.ts";
import type { FlowDeps } from "../deps.ts";

/**
 * Proves again who the caller is. More authentication makes a new session and ends the old one in the same
 * transaction, so that no token from before carries the new rights, or outlives them.
 */
export async function stepUp(
  deps: FlowDeps,
  { proof, identity }: { proof: StepUpInput; identity: Identity },
): Promise<Tokens> {
  const { limits, passwords, store } = deps;
  const { userId, sessionId, request } = identity;
  if ("password" in proof && isPasswordTooLong(proof.password)) throw refuse("PASSWORD_TOO_LONG");
  await limits.take("login", request.network);

  const user = await store.query((db) => findUserById(db, userId));
  const passwordHash = user?.passwordHash ?? null;
  // Counted by session, so that nobody without a token of it can use the owner's guesses up.
  const isRight = await limits.guesses.check(
    `step up ${sessionId}`,
    // No second factor can be enrolled yet, so no code is right.
    async () => "password" in proof && await passwords.verify(proof.password, passwordHash),
  );
  const reason = "password" in proof ? "INVALID_CREDENTIALS" : "MFA_INVALID";
  if (!isRight || passwordHash === null) throw await refuseStepUp(deps, reason, identity);

  const stepped = await openSession(deps, {
    event: "step up",
    amr: ["pwd"],
    request,
    replacedSessionId: sessionId,
    async obtainUser(tx) {
      const locked = await lockVerifiedUser(tx, { id: userId, passwordHash });
      // Signed out everywhere while the password was being checked: that must stand.
      if (locked !== null && locked.tokenEpoch > identity.epoch) throw new AuthError("SESSION_REVOKED");
      return locked;
    },
  });
  if (stepped === null) throw await refuseStepUp(deps, "INVALID_CREDENTIALS", identity);
  return stepped.tokens;
}

async function refuseStepUp(
  { store }: FlowDeps,
  reason: "INVALID_CREDENTIALS" | "MFA_INVALID",
  { userId, sessionId, request }: Identity,
): Promise<AuthError> {
  await store.query((db) =>
    insertAuditEvent(db, { event: "step up", ok: false, reason, userId, sessionId, ...auditFacts(request) })
  );
  return new AuthError(reason);
}
