// What an app's own code looks like to the compiler: one file with everything that the client's types are used for.
import { createTRPCClient, httpBatchLink, safe } from "@trpc/client";
import type { inferRouterInputs, inferRouterOutputs } from "@trpc/server";
import {
  type AuthClient,
  authReason,
  createAuthClient,
  createSession,
  isAuthClientError,
} from "@watchword/client";
import type { ReasonOf, ServiceRouter, Session } from "@watchword/client/contract";

export const auth = createAuthClient({ url: "http://127.0.0.1:8000/trpc" });
export const typed: AuthClient<ServiceRouter> = auth;

export type Inputs = inferRouterInputs<ServiceRouter>;
export type Outputs = inferRouterOutputs<ServiceRouter>;

export async function signIn(password: string): Promise<string> {
  const result = await auth.login({ identifier: "ada", password });
  if (result.status === "rejected") return result.reason;
  return result.status === "signed_in" ? result.user.id : result.ticket;
}

export async function readSessions() {
  const [sessions, error] = await safe(auth.trpc.auth.sessions.list.query());
  const reason: ReasonOf<"sessions.list"> | undefined = error?.data?.auth.reason;
  const list: Session[] | undefined = sessions;
  return { reason, list };
}

export function explain(error: unknown) {
  return isAuthClientError(error) ? error.code : authReason(error);
}

const session = createSession({ url: "http://127.0.0.1:8000/trpc" });
export const ownClient = createTRPCClient<ServiceRouter>({
  links: [session.link(), httpBatchLink({ url: "http://127.0.0.1:8000/trpc", ...session.http() })],
});
export const me = () => ownClient.auth.me.query();
