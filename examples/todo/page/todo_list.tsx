import { useState } from "react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useUser } from "@watchword/client/react";
import { api, auth } from "./auth.ts";
import { describeError } from "./describe_problem.ts";
import { type Report, TodoItem } from "./todo_item.tsx";

/** The list of whoever is signed in. */
export function TodoList() {
  const user = useUser();
  const [failure, setFailure] = useState<unknown>(null);
  const report: Report = { onMutate: () => setFailure(null), onError: setFailure };
  const list = useQuery(api.todo.list.queryOptions());
  const add = useMutation(api.todo.add.mutationOptions(report));
  const removeAll = useMutation(api.todo.removeAll.mutationOptions(report));
  const problem = failure ?? list.error;
  return (
    <main className="card">
      <header>
        <h1>Todos of {user?.username}</h1>
        <button type="button" className="quiet" onClick={() => auth.logout()}>Sign out</button>
      </header>
      <form className="row" action={(form) => add.mutate({ title: String(form.get("title")) })}>
        <input name="title" aria-label="What is to be done?" placeholder="What is to be done?" required />
        <button type="submit" disabled={add.isPending}>Add</button>
      </form>
      <p role="alert">{problem ? describeError(problem) : ""}</p>
      <ul>
        {list.data?.map((todo) => <TodoItem key={todo.id} todo={todo} report={report} />)}
      </ul>
      {list.data?.length === 0 && <p className="hint">Nothing to do.</p>}
      {(list.data?.length ?? 0) > 0 && (
        <button
          type="button"
          className="link"
          disabled={removeAll.isPending}
          onClick={() => removeAll.mutate()}
        >
          Delete all
        </button>
      )}
    </main>
  );
}
