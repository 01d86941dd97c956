import { password, type TestApp } from "../kit/app.ts";
import type { Account } from "./kit.ts";

/** Signs a user in once more. */
export async function signIn(app: TestApp, identifier: string): Promise<Account["tokens"]> {
  const answer = await app.call("auth.login", { body: { identifier, password } });
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.data.tokens;
}

/** Refreshes, and gives back the successor. */
export async function rotate(
  app: TestApp,
  refreshToken: string,
  attemptId?: string,
): Promise<Account["tokens"]> {
  const body = { refreshToken, ...(attemptId === undefined ? {} : { attemptId }) };
  const answer = await app.call("auth.refresh", { body });
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.data;
}
