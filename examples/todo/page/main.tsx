import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { AuthProvider, SignedIn } from "@watchword/client/react";
import { auth, queryClient } from "./auth.ts";
import { SignIn } from "./sign_in.tsx";
import { StepUpDialog } from "./step_up_dialog.tsx";
import { TodoList } from "./todo_list.tsx";

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <AuthProvider auth={auth}>
        <SignedIn fallback={<SignIn />}>
          <TodoList />
          <StepUpDialog />
        </SignedIn>
      </AuthProvider>
    </QueryClientProvider>
  </StrictMode>,
);
