import { useActionState, useEffect, useRef } from "react";
import { useUser } from "@watchword/client/react";
import { dialogId } from "./ask_for_password.ts";
import { auth } from "./auth.ts";
import { describeError, describeRejection } from "./describe_problem.ts";

/** Asks for the password where a recent sign-in is needed. `askForPassword` opens it. */
export function StepUpDialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  const user = useUser();
  const [problem, submit, isBusy] = useActionState<string, FormData>(async (_, form) => {
    try {
      const result = await auth.stepUp({ password: String(form.get("password")) });
      if (result.status === "rejected") return describeRejection(result);
      dialog.current?.close("retry");
      return "";
    } catch (error) {
      return describeError(error);
    }
  }, "");
  // Signed out, here or in another tab: there is nothing left to confirm.
  useEffect(() => {
    if (user === null) dialog.current?.close("fail");
  }, [user]);
  return (
    <dialog ref={dialog} id={dialogId} className="card narrow" aria-labelledby="step-up-title">
      <h2 id="step-up-title">Is it you?</h2>
      <p>Please give your password once more.</p>
      <form action={submit}>
        <input type="hidden" name="name" autoComplete="username" value={user?.username ?? ""} readOnly />
        <label>
          Password
          <input name="password" type="password" autoComplete="current-password" required />
        </label>
        <p role="alert">{problem}</p>
        <div className="row">
          <button type="button" className="quiet" onClick={() => dialog.current?.close("fail")}>
            Cancel
          </button>
          <button type="submit" disabled={isBusy}>Confirm</button>
        </div>
      </form>
    </dialog>
  );
}
