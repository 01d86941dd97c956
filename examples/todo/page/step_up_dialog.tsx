import { useActionState, useLayoutEffect, useRef, useState } from "react";
import { useUser } from "@watchword/client/react";
import { dialogId } from "./ask_for_password.ts";
import { auth } from "./auth.ts";
import { describeError, describeRejection } from "./describe_problem.ts";

/** Asks for the password where a recent sign-in is needed. `askForPassword` opens it. */
export function StepUpDialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  const [times, setTimes] = useState(0);
  const close = (answer: "retry" | "fail") => dialog.current?.close(answer);
  // Signed out, here or in another tab: nobody is left to answer.
  useLayoutEffect(() => {
    const shown = dialog.current;
    return () => shown?.close("fail");
  }, []);
  return (
    <dialog
      ref={dialog}
      id={dialogId}
      className="card narrow"
      aria-labelledby="step-up-title"
      onClose={() => setTimes(times + 1)}
    >
      <h2 id="step-up-title">Is it you?</h2>
      <StepUpForm key={times} close={close} />
    </dialog>
  );
}

function StepUpForm({ close }: { close(answer: "retry" | "fail"): void }) {
  const user = useUser();
  const [problem, submit, isBusy] = useActionState<string, FormData>(async (_, form) => {
    try {
      const result = await auth.stepUp({ password: String(form.get("password")) });
      if (result.status === "rejected") return describeRejection(result);
      close("retry");
      return "";
    } catch (error) {
      return describeError(error);
    }
  }, "");
  return (
    <form action={submit}>
      <p>This cannot be undone, so please give your password once more.</p>
      <input name="name" autoComplete="username" value={user?.username ?? ""} readOnly hidden />
      <label>
        Password
        <input name="password" type="password" autoComplete="current-password" required />
      </label>
      <p role="alert">{problem}</p>
      <div className="row">
        <button type="button" className="quiet" onClick={() => close("fail")}>Cancel</button>
        <button type="submit" disabled={isBusy}>Confirm</button>
      </div>
    </form>
  );
}
