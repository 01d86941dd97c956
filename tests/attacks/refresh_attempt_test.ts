import { assertEquals } from "@std/assert";
import type { TestApp } from "../kit/app.ts";
import { atOnce, attack, meOf, newAttemptId, refreshWith, type Scene } from "./kit.ts";
import { rotate, signIn } from "./sign_in.ts";
import { readSession } from "./state.ts";

const LEEWAY_SECONDS = 10;
const REPLAY_WINDOW_SECONDS = 86_400;

/** A session of the victim's other device that has been refreshed once. */
async function openRotated({ app, victim }: Scene, attemptId?: string) {
  const first = await signIn(app, victim.username);
  const second = await rotate(app, first.refreshToken, attemptId);
  return { first, second };
}

attack("A-035: no guess of an attempt id hides a replay", async (scene) => {
  const { app, advance } = scene;
  const attemptId = newAttemptId();
  const guesses = [
    "A".repeat(22),
    "_".repeat(21) + "w",
    attemptId.slice(0, 21) + (attemptId.endsWith("A") ? "Q" : "A"),
    (attemptId.startsWith("A") ? "B" : "A") + attemptId.slice(1),
    attemptId.toLowerCase().slice(0, 21) + "A",
  ].filter((guess) => guess !== attemptId);
  const sessions = [];
  for (const guess of guesses) sessions.push({ guess, ...(await openRotated(scene, attemptId)) });
  await advance(LEEWAY_SECONDS + 1);
  for (const { guess, first } of sessions) {
    await scene.refuses({ [guess]: () => refreshWith(app, first.refreshToken, guess) }, {
      reason: "REFRESH_REUSED",
      state: "changed",
      audit: 1,
    });
    assertEquals((await readSession(app.database.sql, first.sessionId)).revoke_reason, "reuse");
  }
});

attack("A-035: an attempt id of another form is refused before anything is looked at", async (scene) => {
  const { app, advance, refuses } = scene;
  const attemptId = newAttemptId();
  const { first, second } = await openRotated(scene, attemptId);
  await advance(LEEWAY_SECONDS + 1);
  const forms = [
    ...["", "A", attemptId.slice(1), `${attemptId}A`, `${attemptId}==`, ` ${attemptId}`, `${attemptId}\n`],
    ...[
      `${attemptId.slice(0, 21)}B`,
      `${attemptId.slice(0, 21)}+`,
      "*".repeat(22),
      "%".repeat(22),
      crypto.randomUUID(),
    ],
    ...[null, 1, true, [], [attemptId], {}, { $ne: null }],
  ];
  await refuses(
    Object.fromEntries(forms.map((form) =>
      [
        JSON.stringify(form),
        () => app.call("auth.refresh", { body: { refreshToken: first.refreshToken, attemptId: form } }),
      ] as const
    )),
    { reason: "INPUT_INVALID" },
  );
  assertEquals((await refreshWith(app, second.refreshToken)).status, 200);
});

/** Asserts that presenting a used token again is answered with its one successor, and that nothing moves on. */
async function assertRepeated(
  app: TestApp,
  refreshToken: string,
  attemptId: string,
  successor: { refreshToken: string },
) {
  const answers = await atOnce(3, () => refreshWith(app, refreshToken, attemptId));
  for (const { status, data } of answers) {
    assertEquals([status, data?.refreshToken, data?.generation], [200, successor.refreshToken, 1]);
    assertEquals((await meOf(app, { tokens: data })).status, 200);
  }
}

attack("A-036: a lost answer is repeated to its own attempt for a day", async (scene) => {
  const { app, other, advance } = scene;
  const attemptId = newAttemptId();
  const { first, second } = await openRotated(scene, attemptId);
  for (const seconds of [0, 300, REPLAY_WINDOW_SECONDS - 400]) {
    await advance(seconds);
    for (const instance of [app, other]) {
      await assertRepeated(instance, first.refreshToken, attemptId, second);
    }
  }
  assertEquals((await readSession(app.database.sql, first.sessionId)).generation, 1);
});

attack("A-036: after the replay window the right attempt id helps nobody", async (scene) => {
  const { app, advance } = scene;
  const attemptId = newAttemptId();
  const { first } = await openRotated(scene, attemptId);
  await advance(REPLAY_WINDOW_SECONDS + 1);
  await scene.refuses({ "a day later": () => refreshWith(app, first.refreshToken, attemptId) }, {
    reason: "REFRESH_REUSED",
    state: "changed",
    audit: 1,
    victimLives: false,
  });
});

attack("A-036: a lost answer is not repeated once the session has ended", async (scene) => {
  const attemptId = newAttemptId();
  const { first, second } = await openRotated(scene, attemptId);
  await scene.app.call("auth.logout", { bearer: second.accessToken, body: {} });
  await scene.refuses({ "after logout": () => refreshWith(scene.other, first.refreshToken, attemptId) }, {
    reason: "SESSION_REVOKED",
    audit: "any",
  });
});
