import { MutationCache, QueryClient } from "@tanstack/react-query";
import { createTRPCOptionsProxy } from "@trpc/tanstack-react-query";
import { createAuthClient } from "@watchword/client";
import { cookieMode } from "@watchword/client/cookie";
import { authRetry, bindQueryClient } from "@watchword/client/tanstack";
import type { TodoRouter } from "../server/router.ts";
import { askForPassword } from "./ask_for_password.ts";

/** The session. */
export const auth = createAuthClient<TodoRouter>({
  url: "/trpc",
  // The refresh token is in a cookie that no script can read. What is stored tells the tabs who is signed in.
  ...cookieMode(),
  // A call that needs a recent sign-in is sent again by itself when the user has given the password.
  onStepUp: askForPassword,
});

/** What was fetched; it is dropped when the user changes. */
export const queryClient: QueryClient = new QueryClient({
  defaultOptions: { queries: { retry: authRetry() } },
  mutationCache: new MutationCache({ onSettled: () => queryClient.invalidateQueries() }),
});
bindQueryClient(auth, queryClient);

/** The procedures, for TanStack Query. */
export const api = createTRPCOptionsProxy<TodoRouter>({ client: auth.trpc, queryClient });
