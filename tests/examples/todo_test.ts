import { assert, assertEquals } from "@std/assert";
import { generateDrizzleJson, generateMigration } from "drizzle-kit/api";
import type { BrowserContext, Page } from "playwright-core";
import * as schema from "../../examples/todo/server/schema.ts";
import { launchChromium } from "../browser/browser.ts";
import { readFile } from "../house/sources.ts";
import { addTodo, listTodos, password, signUp, startTodoApp } from "./todo_app.ts";

const app = await startTodoApp();
const browser = await launchChromium();
let clockSeconds = 0;

Deno.test.afterAll(async () => {
  await browser.close();
  await app[Symbol.asyncDispose]();
});

/** What a person who looks at the page would call broken. */
const faults: string[] = [];

async function openPage(context: BrowserContext): Promise<Page> {
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  page.on("pageerror", (error) => void faults.push(String(error)));
  page.on("console", (message) => {
    // The browser itself writes down each refusal.
    const isRefusal = message.text().startsWith("Failed to load resource");
    if (["error", "warning"].includes(message.type()) && !isRefusal) faults.push(message.text());
  });
  await page.goto(app.origin);
  return page;
}

/** A promise about the example in a browser of its own. */
function promise(
  name: string,
  keep: (scene: { context: BrowserContext; page: Page }) => Promise<void>,
): void {
  // The driver's socket outlives a test.
  Deno.test({ name: `examples/todo: ${name}`, sanitizeOps: false, sanitizeResources: false }, async () => {
    const context = await browser.newContext();
    faults.length = 0;
    try {
      await keep({ context, page: await openPage(context) });
      assertEquals(faults, []);
    } finally {
      await context.close();
    }
  });
}

const alert = (page: Page) => page.getByRole("alert").filter({ visible: true });
const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });

/** Makes every sign-in so far too old for what asks for a recent one. */
const letSignInsAge = () => app.setClock(clockSeconds += 400);

promise("todos are added, completed and deleted, and are there after a reload", async ({ page }) => {
  await signUp(page);
  await page.getByText("Nothing to do.").waitFor();
  for (const title of ["one", "two", "three"]) await addTodo(page, title);
  await page.getByRole("checkbox", { name: "two" }).click();
  await page.getByRole("checkbox", { name: "two", checked: true }).waitFor();
  await button(page, "Delete one").click();
  await page.getByText("one", { exact: true }).waitFor({ state: "detached" });
  await page.reload();
  await page.getByText("three").waitFor();
  assertEquals(await listTodos(page), ["two", "three"]);
  assert(await page.getByRole("checkbox", { name: "two" }).isChecked());
  assert(!await page.getByRole("checkbox", { name: "three" }).isChecked());
});

promise("no script can read a token that renews the session", async ({ context, page }) => {
  await signUp(page);
  const cookies = await context.cookies();
  const token = cookies.find(({ name }) => name === "__Host-watchword_refresh");
  assertEquals([token?.httpOnly, token?.secure, token?.sameSite], [true, true, "Lax"]);
  const readable = await page.evaluate("JSON.stringify(localStorage) + document.cookie");
  assert(!String(readable).includes(token?.value ?? ""));
  assert(!/eyJ/.test(String(readable)), "an access token is stored");
});

promise("a refused form says why in words, and keeps the name", async ({ page }) => {
  const username = await signUp(page);
  await button(page, "Sign out").click();
  await page.getByLabel("Name").fill(username);
  await page.getByLabel("Password").fill("not the password");
  await button(page, "Sign in").click();
  await alert(page).getByText("do not belong together").waitFor();
  assertEquals(await page.getByLabel("Name").inputValue(), username);
  await button(page, "I am new here").click();
  await page.getByLabel("Password").fill("password1");
  await button(page, "Create account").click();
  await alert(page).getByText("most used").waitFor();
});

promise("a sign-in and a sign-out in one tab show in the other at once", async ({ context, page }) => {
  const other = await openPage(context);
  await page.bringToFront();
  const username = await signUp(page);
  await other.getByRole("heading", { name: `Todos of ${username}` }).waitFor();
  await addTodo(page, "a secret");
  await other.reload();
  await other.getByText("a secret").waitFor();
  await page.bringToFront();
  await button(page, "Sign out").click();
  await other.getByRole("heading", { name: "Sign in" }).waitFor();
  assertEquals(await other.getByText("a secret").count(), 0);
});

promise("the next user of a browser sees nothing of the former one's todos", async ({ page }) => {
  await signUp(page);
  await addTodo(page, "a secret");
  await button(page, "Sign out").click();
  await signUp(page);
  await page.getByText("Nothing to do.").waitFor();
  assertEquals(await page.getByText("a secret").count(), 0);
});

promise("a todo's id is of no use to anybody else", async ({ page }) => {
  const username = await signUp(page);
  await addTodo(page, "mine");
  const [todo] = await app.database.sql`
    select todos.id from todos join users on users.id = owner_id where username = ${username}`;
  const thief = `user-${crypto.randomUUID().slice(0, 8)}`;
  const call = (path: string, body: unknown, bearer?: string) =>
    fetch(`${app.origin}/trpc/${path}`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(bearer ? { authorization: `Bearer ${bearer}` } : {}),
      },
      body: JSON.stringify(body),
    });
  const { result } = await (await call("auth.register", { username: thief, password })).json();
  const bearer = result.data.tokens.accessToken;
  for (const [path, body] of [["todo.remove", {}], ["todo.setDone", { isDone: true }]] as const) {
    const answer = await call(path, { ...body, id: todo?.["id"] }, bearer);
    assertEquals([path, answer.status, (await answer.json()).error.message], [
      path,
      404,
      "This todo is gone",
    ]);
  }
  const all = await call("todo.removeAll", undefined, bearer);
  assertEquals([all.status, (await all.text()).length > 0], [200, true]);
  await page.reload();
  assert(!await page.getByRole("checkbox", { name: "mine" }).isChecked());
});

promise("deleting all asks for the password once the sign-in is old, and then goes on", async ({ page }) => {
  await signUp(page);
  await addTodo(page, "one");
  await letSignInsAge();

  await button(page, "Delete all").click();
  const dialog = page.getByRole("dialog", { name: "Is it you?" });
  await dialog.getByLabel("Password").fill("not the password");
  await button(page, "Confirm").click();
  await alert(page).getByText("do not belong together").waitFor();
  await page.keyboard.press("Escape");
  await alert(page).getByText("Nothing was deleted").waitFor();
  assertEquals(await listTodos(page), ["one"]);

  await button(page, "Delete all").click();
  assertEquals(await alert(page).count(), 0);
  await dialog.getByLabel("Password").fill(password);
  await button(page, "Confirm").click();
  await page.getByText("Nothing to do.").waitFor();
  assert(!await dialog.isVisible());
  await addTodo(page, "two");
  await button(page, "Delete all").click();
  await page.getByText("Nothing to do.").waitFor();
});

promise("a sign-out in another tab closes the question for the password", async ({ context, page }) => {
  await signUp(page);
  await addTodo(page, "one");
  const other = await openPage(context);
  await other.getByRole("listitem").waitFor();
  await letSignInsAge();
  await page.bringToFront();
  await button(page, "Delete all").click();
  await page.getByRole("dialog").waitFor();
  await other.bringToFront();
  await button(other, "Sign out").click();
  await page.bringToFront();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  assertEquals(await page.getByRole("dialog").count(), 0);

  // Nothing waits for the old answer: the next question is asked, and answered.
  await signUp(page);
  await addTodo(page, "two");
  await letSignInsAge();
  await button(page, "Delete all").click();
  await page.getByRole("dialog").getByLabel("Password").fill(password);
  await button(page, "Confirm").click();
  await page.getByText("Nothing to do.").waitFor();
});

promise("at 390 pixels nothing is cut off, and the dialog fits", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 700 });
  const width = () => page.evaluate<number>("document.documentElement.scrollWidth");
  assertEquals(await width(), 390);
  await signUp(page, `ada-${"x".repeat(28)}`);
  await addTodo(page, "a long one ".repeat(15));
  await addTodo(page, "x".repeat(150));
  assertEquals(await width(), 390);
  await letSignInsAge();
  await button(page, "Delete all").click();
  const box = await page.getByRole("dialog").boundingBox();
  assert(box !== null && box.x >= 8 && box.x + box.width <= 382, JSON.stringify(box));
});

Deno.test("examples/todo: its migrations make what its schema asks for, beside Watchword's tables", async () => {
  const last = JSON.parse(await readFile("examples/todo/migrations/meta/0000_snapshot.json"));
  assertEquals(await generateMigration(last, generateDrizzleJson(schema, last.id)), []);
  const made = await generateMigration(generateDrizzleJson({}), last);
  const file = await readFile("examples/todo/migrations/0000_create_todos.sql");
  const plain = (sql: string) => sql.replaceAll(/--> statement-breakpoint|\s+/g, "");
  assertEquals(plain(file), plain(made.join("")));
  // Each of the two keeps its own list of what was applied.
  const applied = await app.database.sql`select count(*)::int from drizzle.__drizzle_migrations`;
  assertEquals(applied[0], { count: 1 });
});
