import type { LoginInput, LoginOutput } from "@watchword/shared";
import { AuthError, refuse } from "../../auth_error.ts";
import { isPasswordTooLong } from "../../passwords/policy.ts";
import type { RequestFacts } from "../../request.ts";
import { insertAuditEvent } from "../../store/audit_events.ts";
import {
  findUserByIdentifier,
  lockVerifiedUser,
  replacePasswordHash,
  type UserRow,
} from "../../store/users.ts";
import { auditFacts, openSession } from "../_private.ts";
import type { FlowDeps } from "../deps.ts";

/**
 * Checks an identifier and a password and opens a session.
 *
 * Unknown, wrong and disabled are one answer after the same work, so that nobody learns who has an account.
 * A guess is reserved before it is checked, so that any number of parallel guesses count exactly.
 */
export async function login(
  deps: FlowDeps,
  input: LoginInput & { request: RequestFacts },
): Promise<LoginOutput> {
  const { limits, passwords } = deps;
  const { request, password } = input;
  if (isPasswordTooLong(password)) throw refuse("PASSWORD_TOO_LONG");
  await limits.take("login", request.network);

  const identifier = input.identifier.normalize("NFKC").toLowerCase();
  const user = await findUser(deps, identifier);
  const account = user?.id ?? identifier;
  await limits.requireGuess(account);
  const verified = await passwords.verify(
    password,
    user?.passwordHash ?? null,
    () => limits.reserveGuess(account),
  );
  if (!verified || !user?.passwordHash || user.disabledAt !== null) {
    throw await refuseLogin(deps, user, request);
  }
  await limits.forgiveGuesses(account);

  const passwordHash = await renewHash(deps, { id: user.id, passwordHash: user.passwordHash }, password);
  const signedIn = await openSession(deps, {
    event: "login",
    amr: ["pwd"],
    request,
    obtainUser: (tx) => lockVerifiedUser(tx, { id: user.id, passwordHash }),
  });
  if (signedIn === null) throw await refuseLogin(deps, user, request);
  return signedIn;
}

/** One answer and one audit row for every cause, so that neither time nor text tells an account apart. */
async function refuseLogin(
  { store, log }: FlowDeps,
  user: UserRow | null,
  request: RequestFacts,
): Promise<AuthError> {
  const reason = "INVALID_CREDENTIALS";
  await store.query((db) =>
    insertAuditEvent(db, {
      event: "login",
      ok: false,
      reason,
      userId: user?.id ?? null,
      ...auditFacts(request),
    })
  );
  log.info("login failed", { requestId: request.requestId });
  return new AuthError(reason);
}

async function findUser(deps: FlowDeps, identifier: string): Promise<UserRow | null> {
  // Postgres has no NUL in text; nobody is called so.
  if (identifier.includes("\0") || !identifier.isWellFormed()) return null;
  return await deps.store.query((db) => findUserByIdentifier(db, identifier));
}

/** Hashes again when the parameters have been raised since; the password is at hand only now. */
async function renewHash(
  { passwords, store }: FlowDeps,
  user: { id: string; passwordHash: string },
  password: string,
): Promise<string> {
  if (!passwords.isOutdated(user.passwordHash)) return user.passwordHash;
  const renewed = await passwords.hash(password);
  await store.query((db) => replacePasswordHash(db, user.id, user.passwordHash, renewed));
  return renewed;
}
