import type { RegisterInput, RegisterOutput } from "@watchword/shared";
import { AuthError, refuse } from "../../auth_error.ts";
import { judgePassword } from "../../passwords/policy.ts";
import type { RequestFacts } from "../../request.ts";
import { insertUser, isIdentifierTaken } from "../../store/users.ts";
import { openSession } from "../_private.ts";
import type { FlowDeps } from "../deps.ts";

/** Creates an account and signs it in, in one transaction. */
export async function register(
  deps: FlowDeps,
  input: RegisterInput & { request: RequestFacts },
): Promise<RegisterOutput> {
  const { request, password } = input;
  if (deps.settings.registration === "closed") throw refuse("REGISTRATION_CLOSED");
  const owner = { email: input.email ?? null, username: input.username ?? null };
  const fault = judgePassword(password, { owner, minCodePoints: deps.settings.passwordMinCodePoints });
  if (fault) throw refuse(fault);
  await deps.limits.take("register", request.network);
  if (await deps.store.query((db) => isIdentifierTaken(db, owner))) throw new AuthError("IDENTIFIER_TAKEN");

  const passwordHash = await deps.passwords.hash(password);
  const signedIn = await openSession(deps, {
    event: "register",
    amr: ["pwd"],
    request,
    obtainUser: (tx) => insertUser(tx, { id: crypto.randomUUID(), ...owner, passwordHash }),
  });
  if (signedIn === null) throw new AuthError("IDENTIFIER_TAKEN");
  return signedIn;
}
