import { assertEquals, assertRejects } from "@std/assert";
import { coalesce } from "./coalesce.ts";

const settle = () => new Promise((resolve) => setTimeout(resolve, 5));

/** A look-up that ends when it is told to, and answers with its own number. */
function createLookups() {
  const begun: { questions: string[]; end: () => void; fail: (error: Error) => void }[] = [];
  const state = { running: 0, most: 0 };
  const look = async (questions: string[]) => {
    const number = begun.length;
    state.most = Math.max(state.most, ++state.running);
    try {
      await new Promise<void>((end, fail) => begun.push({ questions, end, fail }));
    } finally {
      state.running--;
    }
    return (question: string) => `${question}@${number}`;
  };
  return { begun, state, look };
}

Deno.test("questions of one turn share one look-up, and each gets its own answer", async () => {
  const { begun, look } = createLookups();
  const ask = coalesce(look);
  const answers = ["a", "b", "c"].map(ask);
  await settle();
  assertEquals(begun.map(({ questions }) => questions), [["a", "b", "c"]]);
  begun[0]?.end();
  assertEquals(await Promise.all(answers), ["a@0", "b@0", "c@0"]);
});

Deno.test("an answer always comes from a look-up that began after its question", async () => {
  const { begun, look } = createLookups();
  const ask = coalesce(look);
  const early = ask("early");
  await settle();
  const late = ask("late");
  await settle();
  assertEquals(begun.map(({ questions }) => questions), [["early"], ["late"]]);
  for (const { end } of begun) end();
  assertEquals([await early, await late], ["early@0", "late@1"]);
});

Deno.test("at most two look-ups are under way, and what waits goes into the next one together", async () => {
  const { begun, state, look } = createLookups();
  const ask = coalesce(look);
  const answers: Promise<string>[] = [];
  for (const question of ["a", "b", "c", "d", "e"]) {
    answers.push(ask(question));
    await settle();
  }
  assertEquals(begun.map(({ questions }) => questions), [["a"], ["b"]]);
  begun[0]?.end();
  await settle();
  assertEquals(begun.map(({ questions }) => questions), [["a"], ["b"], ["c", "d", "e"]]);
  for (const { end } of begun) end();
  assertEquals(await Promise.all(answers), ["a@0", "b@1", "c@2", "d@2", "e@2"]);
  assertEquals(state.most, 2);
});

Deno.test("a look-up that fails fails its own questions and no others", async () => {
  const { begun, look } = createLookups();
  const ask = coalesce(look);
  const lost = ask("lost");
  await settle();
  const fine = ask("fine");
  await settle();
  begun[0]?.fail(new Error("away"));
  await assertRejects(() => lost, Error, "away");
  begun[1]?.end();
  assertEquals(await fine, "fine@1");
});

Deno.test("after failures the next question is looked up again", async () => {
  const { begun, look } = createLookups();
  const ask = coalesce(look);
  for (let i = 0; i < 3; i++) {
    const answer = ask("a");
    await settle();
    begun[i]?.fail(new Error("away"));
    await assertRejects(() => answer);
  }
  const answer = ask("a");
  await settle();
  begun[3]?.end();
  assertEquals(await answer, "a@3");
});

Deno.test("INV-11: one look-up holds a bounded number of questions, and the rest follow", async () => {
  const { begun, look } = createLookups();
  const ask = coalesce(look, { batchMax: 3 });
  const answers = Array.from({ length: 10 }, (_, i) => ask(String(i)));
  for (let i = 0; i < 4; i++) {
    await settle();
    for (const { end } of begun) end();
  }
  assertEquals((await Promise.all(answers)).length, 10);
  assertEquals(begun.map(({ questions }) => questions.length), [3, 3, 3, 1]);
});

Deno.test("INV-11: above the bound a question is refused at once, and those that wait are answered", async () => {
  const { begun, look } = createLookups();
  const ask = coalesce(look, { inFlightMax: 1, waitingMax: 2 });
  const first = ask("first");
  await settle();
  const waiting = [ask("a"), ask("b")];
  await assertRejects(() => ask("c"), Error, "too many");
  for (let i = 0; i < 2; i++) {
    begun[i]?.end();
    await settle();
  }
  assertEquals(await Promise.all([first, ...waiting]), ["first@0", "a@1", "b@1"]);
});
