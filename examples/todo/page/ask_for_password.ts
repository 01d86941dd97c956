/** Names the dialog of `step_up_dialog.tsx`. */
export const dialogId = "step-up";

/** Opens the dialog that asks for the password, and waits until it is closed. */
export function askForPassword(): Promise<"retry" | "fail"> {
  const dialog = document.getElementById(dialogId) as HTMLDialogElement;
  dialog.returnValue = "fail";
  dialog.showModal();
  return new Promise((resolve) => {
    const answer = () => resolve(dialog.returnValue === "retry" ? "retry" : "fail");
    dialog.addEventListener("close", answer, { once: true });
  });
}
