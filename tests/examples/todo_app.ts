import type { Page } from "playwright-core";
import { testSecret } from "../kit/app.ts";
import { noticeClock } from "../kit/clock.ts";
import { createTestDatabase, type TestDatabase } from "../kit/database.ts";
import { projectFolder, runDeno, startService } from "../kit/service_process.ts";
import { findFreePort } from "../kit/free_port.ts";

export const password = "correct horse battery";
const cwd = `${projectFolder}examples/todo`;

/** The todo example, built and running as its README says. */
export interface TodoApp extends AsyncDisposable {
  origin: string;
  database: TestDatabase;
  /** Moves the database's clock, which the server follows: sign-ins become old, and the pages do not know. */
  setClock(seconds: number): Promise<void>;
}

async function run(task: string, env: Record<string, string>): Promise<void> {
  const { code, output } = await runDeno({ args: ["task", task], cwd, env });
  if (code !== 0) throw new Error(output);
}

/** Builds the page, migrates a database, and serves both. */
export async function startTodoApp(): Promise<TodoApp> {
  const database = await createTestDatabase();
  const port = `${findFreePort()}`;
  const origin = `http://127.0.0.1:${port}`;
  await Promise.all([run("build", {}), run("migrate", { DATABASE_URL: database.url })]);
  const service = await startService({
    args: ["run", "-A", "server/main.ts"],
    cwd,
    env: { DATABASE_URL: database.url, KEY_ENCRYPTION_SECRET: testSecret, ORIGIN: origin, PORT: port },
  });
  return {
    origin,
    database,
    async setClock(seconds) {
      await database.shiftClock(seconds * 1_000);
      await noticeClock(origin);
    },
    async [Symbol.asyncDispose]() {
      await service[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

/** Makes an account by the form. */
export async function signUp(page: Page, username = `user-${crypto.randomUUID().slice(0, 8)}`) {
  await page.getByRole("button", { name: "I am new here" }).click();
  await page.getByLabel("Name").fill(username);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Create account" }).click();
  await page.getByRole("heading", { name: `Todos of ${username}` }).waitFor();
  return username;
}

/** Adds a todo by the form. */
export async function addTodo(page: Page, title: string): Promise<void> {
  await page.getByLabel("What is to be done?").fill(title);
  await page.getByRole("button", { name: "Add" }).click();
  await page.getByRole("listitem").filter({ hasText: title }).waitFor();
}

/** The titles that are on the screen. */
export const listTodos = (page: Page): Promise<string[]> =>
  page.getByRole("listitem").locator("span").allTextContents();
