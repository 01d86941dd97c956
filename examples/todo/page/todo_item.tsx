import { useMutation } from "@tanstack/react-query";
import { api } from "./auth.ts";

/** What a mutation calls back: where its problem is shown. */
export interface Report {
  onMutate(): void;
  onError(error: unknown): void;
}

/** One todo. */
export function TodoItem({ todo, report }: {
  todo: { id: string; title: string; isDone: boolean };
  report: Report;
}) {
  const setDone = useMutation(api.todo.setDone.mutationOptions(report));
  const remove = useMutation(api.todo.remove.mutationOptions(report));
  // What was clicked shows at once.
  const isDone = setDone.isPending ? setDone.variables.isDone : todo.isDone;
  if (remove.isPending) return null;
  return (
    <li>
      <label className={isDone ? "done" : ""}>
        <input
          type="checkbox"
          checked={isDone}
          onChange={() => setDone.mutate({ id: todo.id, isDone: !isDone })}
        />
        <span>{todo.title}</span>
      </label>
      <button
        type="button"
        className="quiet"
        aria-label={`Delete ${todo.title}`}
        onClick={() => remove.mutate({ id: todo.id })}
      >
        ×
      </button>
    </li>
  );
}
