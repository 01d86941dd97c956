import { assert, assertEquals } from "@std/assert";
import { password, type RawAnswer, registerUser, startTestApp, type TestApp } from "../kit/app.ts";
import { sendUntilServed } from "../kit/send_until_served.ts";

const login = (app: TestApp, identifier: string, typed: string) =>
  app.call("auth.login", { body: { identifier, password: typed } });

/** Many at once. */
const burst = (count: number, send: (index: number) => Promise<RawAnswer>) =>
  Promise.all(Array.from({ length: count }, (_, index) => sendUntilServed(() => send(index))));

const countBy = (answers: RawAnswer[], reason: string) =>
  answers.filter(({ auth }) => auth?.reason === reason).length;

async function failTimes(app: TestApp, identifier: string, times: number): Promise<RawAnswer[]> {
  const answers: RawAnswer[] = [];
  for (let i = 0; i < times; i++) answers.push(await login(app, identifier, `wrong horse ${i}`));
  return answers;
}

Deno.test("A-060: of 100 parallel wrong passwords at most 10 are evaluated and the rest told to wait", async () => {
  await using app = await startTestApp({ rateLimits: true });
  const { username } = await registerUser(app);
  const answers = await burst(100, (i) => login(app, username, `wrong horse ${i}`));
  assert(countBy(answers, "INVALID_CREDENTIALS") <= 10);
  for (
    const { status, headers, auth } of answers.filter(({ auth }) => auth?.reason !== "INVALID_CREDENTIALS")
  ) {
    assertEquals([status, auth?.reason, auth?.executed], [429, "RATE_LIMITED", false]);
    assertEquals(headers.get("retry-after"), String(auth?.retryAfterSeconds));
    assert(Number(auth?.retryAfterSeconds) > 0 && Number(auth?.retryAfterSeconds) <= 900);
  }
});

Deno.test("A-060: guesses against a name that nobody has are limited alike", async () => {
  await using app = await startTestApp({ rateLimits: true });
  const answers = await burst(40, (i) => login(app, "nobody", `wrong horse ${i}`));
  assertEquals(countBy(answers, "INVALID_CREDENTIALS"), 10);
  assertEquals(countBy(answers, "RATE_LIMITED"), 30);
});

Deno.test("20 parallel logins with the right password all succeed under the limits", async () => {
  await using app = await startTestApp({ rateLimits: true });
  const { username } = await registerUser(app);
  const answers = await burst(20, () => login(app, username, password));
  assertEquals(answers.map(({ status }) => status), Array(20).fill(200));
});

Deno.test("R-13: the right password forgives the failures before it", async () => {
  await using app = await startTestApp({ rateLimits: true });
  const { username } = await registerUser(app);
  await failTimes(app, username, 9);
  assertEquals((await login(app, username, password)).status, 200);
  const after = await failTimes(app, username, 10);
  assertEquals(countBy(after, "INVALID_CREDENTIALS"), 10);
});

Deno.test("R-13: after ten failures even the right password waits, and after fifteen minutes it does not", async () => {
  await using app = await startTestApp({ rateLimits: true });
  const { username } = await registerUser(app);
  await failTimes(app, username, 10);
  assertEquals((await login(app, username, password)).auth?.reason, "RATE_LIMITED");
  await app.advance(901);
  assertEquals((await login(app, username, password)).status, 200);
});

Deno.test("R-13: another spelling of an identifier, and the account's other identifier, share the count", async () => {
  await using app = await startTestApp({ rateLimits: true });
  await app.call("auth.register", { body: { username: "ada", email: "ada@example.com", password } });
  const spellings = ["ada", "ADA", "Ａda", "ada@example.com", "ADA@example.com"];
  const answers: RawAnswer[] = [];
  for (const spelling of spellings) answers.push(...await failTimes(app, spelling, 3));
  assertEquals(countBy(answers, "INVALID_CREDENTIALS"), 10);
  assertEquals(countBy(answers, "RATE_LIMITED"), 5);
});

Deno.test("the failures of one account do not hinder another", async () => {
  await using app = await startTestApp({ rateLimits: true });
  const [one, other] = [await registerUser(app), await registerUser(app)];
  await failTimes(app, one.username, 12);
  assertEquals((await login(app, other.username, password)).status, 200);
});

Deno.test("the 101st login of a network within ten minutes waits, right or wrong", async () => {
  await using app = await startTestApp({ rateLimits: true });
  const { username } = await registerUser(app);
  const names = Array.from({ length: 100 }, (_, i) => `name-${i}`);
  for (const name of names) await login(app, name, password);
  const answer = await login(app, username, password);
  assertEquals([answer.status, answer.auth?.reason], [429, "RATE_LIMITED"]);
  assert(Number(answer.headers.get("retry-after")) > 500);
});

Deno.test("two instances count the failures of an account together", async () => {
  await using app = await startTestApp({ rateLimits: true });
  const other = await app.startInstance();
  const { username } = await registerUser(app);
  const answers = await burst(30, (i) => login(i % 2 ? app : other, username, `wrong horse ${i}`));
  assertEquals(countBy(answers, "INVALID_CREDENTIALS"), 10);
  assertEquals(countBy(answers, "RATE_LIMITED"), 20);
});
