// An app's own code with TanStack Query between it and the client.
import { QueryClient } from "@tanstack/react-query";
import { createTRPCOptionsProxy } from "@trpc/tanstack-react-query";
import { createAuthClient } from "@watchword/client";
import type { ServiceRouter } from "@watchword/client/contract";

export const auth = createAuthClient({ url: "http://127.0.0.1:8000/trpc" });
export const queryClient = new QueryClient();
export const api = createTRPCOptionsProxy<ServiceRouter>({ client: auth.trpc, queryClient });
export const readMe = () => queryClient.fetchQuery(api.auth.me.queryOptions());
export const logInWith = (password: string) =>
  api.auth.login.mutationOptions().mutationFn?.({ identifier: "ada", password }, {
    client: queryClient,
    meta: {},
  });
