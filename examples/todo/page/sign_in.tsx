import { useActionState, useState } from "react";
import { useSession } from "@watchword/client/react";
import { auth } from "./auth.ts";
import { describeEnd, describeError, describeRejection } from "./describe_problem.ts";

interface Attempt {
  name: string;
  problem: string;
}

async function signIn(isNew: boolean, form: FormData): Promise<Attempt> {
  const name = String(form.get("name"));
  const password = String(form.get("password"));
  try {
    const result = isNew
      ? await auth.register({ username: name, password })
      : await auth.login({ identifier: name, password });
    return { name, problem: result.status === "rejected" ? describeRejection(result) : "" };
  } catch (error) {
    return { name, problem: describeError(error) };
  }
}

/** The form for nobody. */
export function SignIn() {
  const [isNew, setIsNew] = useState(false);
  const end = useSession((state) => state.status === "anonymous" ? state.lastEnd : null);
  const [{ name, problem }, submit, isBusy] = useActionState<Attempt, FormData>(
    (_, form) => signIn(isNew, form),
    { name: "", problem: "" },
  );
  return (
    <main className="card narrow">
      <h1>{isNew ? "Create an account" : "Sign in"}</h1>
      <form action={submit}>
        <label>
          Name
          <input name="name" autoComplete="username" autoCapitalize="none" required defaultValue={name} />
        </label>
        <label>
          Password
          <input
            name="password"
            type="password"
            autoComplete={isNew ? "new-password" : "current-password"}
            required
          />
        </label>
        <p role="alert">{problem || describeEnd(end)}</p>
        <button type="submit" disabled={isBusy}>{isNew ? "Create account" : "Sign in"}</button>
      </form>
      <button type="button" className="link" onClick={() => setIsNew(!isNew)}>
        {isNew ? "I have an account" : "I am new here"}
      </button>
    </main>
  );
}
