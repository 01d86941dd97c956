import type { LoginInput, LoginOutput } from "@watchword/shared";
import { AuthError, refuse } from "../../auth_error.ts";
import { isPasswordTooLong } from "../../passwords/policy.ts";
import { describeBug } from "../../observe/log.ts";
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
 */
export async function login(
  deps: FlowDeps,
  input: LoginInput & { request: RequestFacts },
): Promise<LoginOutput> {
  if (isPasswordTooLong(input.password)) throw refuse("PASSWORD_TOO_LONG");
  await deps.limits.take("login", input.request.network);
  const identifier = input.identifier.normalize("NFKC").toLowerCase();

  const first = await tryPassword(deps, identifier, input);
  // A second time only when the hash changed under us, as a parallel sign-in's renewal does.
  const outcome = first === "hash changed" ? await tryPassword(deps, identifier, input) : first;
  if (outcome === "hash changed") throw new AuthError("INVALID_CREDENTIALS");
  return outcome;
}

async function tryPassword(
  deps: FlowDeps,
  identifier: string,
  { password, request }: { password: string; request: RequestFacts },
): Promise<LoginOutput | "hash changed"> {
  const user = await findUser(deps, identifier);
  const isRight = await deps.limits.guesses.check(user?.id ?? identifier, () => verify(deps, user, password));
  const passwordHash = user?.passwordHash;
  if (!isRight || !user || !passwordHash) throw await refuseLogin(deps, user, request);
  const signedIn = await openSession(deps, {
    event: "login",
    amr: ["pwd"],
    request,
    obtainUser: (tx) => lockVerifiedUser(tx, { id: user.id, passwordHash }),
  });
  if (signedIn === null) return "hash changed";
  await renewHash(deps, { id: user.id, passwordHash }, password);
  return signedIn;
}

async function verify({ passwords }: FlowDeps, user: UserRow | null, password: string): Promise<boolean> {
  return await passwords.verify(password, user?.passwordHash ?? null) && user?.disabledAt === null;
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

/**
 * Hashes again when the parameters have been raised since; the password is at hand only now. The session is
 * open already, so a busy machine only puts it off until the next sign-in.
 */
async function renewHash(
  { passwords, store, log }: FlowDeps,
  user: { id: string; passwordHash: string },
  password: string,
): Promise<void> {
  if (!passwords.isOutdated(user.passwordHash)) return;
  try {
    const renewed = await passwords.hash(password);
    await store.query((db) => replacePasswordHash(db, user.id, user.passwordHash, renewed));
  } catch (error) {
    log.warn("password hash not renewed", describeBug(error));
  }
}
