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
import { cookieMode, type Seed } from "@watchword/client/cookie";
import { persistent, type TokenStore, webStore } from "@watchword/client/storage";

export const auth = createAuthClient({ url: "http://127.0.0.1:8000/trpc" });
export const typed: AuthClient<ServiceRouter> = auth;
export const kept = createAuthClient({ url: "/trpc", storage: webStore() });
export const rendered = (seed: Seed | null) => createAuthClient({ url: "/trpc", ...cookieMode({ seed }) });
export const keptIn = ({ get, set }: TokenStore) =>
  createAuthClient({ url: "/trpc", storage: persistent({ get, set }) });

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
