import { assertEquals } from "@std/assert";
import { password, type TestApp, type TestAppOptions } from "../kit/app.ts";
import {
  assertClosedAnswers,
  assertDeadAfterEnd,
  assertNoFork,
  type History,
  requireTokens,
  startHistory,
} from "./history.ts";
import { sendUntilServed } from "../kit/send_until_served.ts";
import {
  atOnce,
  attack,
  meOf as sendMe,
  newAttemptId,
  raceRounds,
  refreshWith as sendRefresh,
  type Scene,
} from "./kit.ts";
import { rotate, signIn } from "./sign_in.ts";
import { disableUser, readSession, resetPassword } from "./state.ts";

const WIDTH = 20;

const refreshWith: typeof sendRefresh = (...args) => sendUntilServed(() => sendRefresh(...args));
const meOf: typeof sendMe = (...args) => sendUntilServed(() => sendMe(...args));

/** Many calls at once, which a busy machine may put off: they are sent again until they are served. */
function race(name: string, run: (scene: Scene) => Promise<void>, options: TestAppOptions = {}): void {
  attack(name, run, options, { mayPutOff: true });
}

/** Three instances, to spread a race over. */
async function startThree(scene: Scene): Promise<(index: number) => TestApp> {
  const instances = [scene.app, scene.other, await scene.startInstance()];
  return (index) => instances[index % instances.length] ?? scene.app;
}

/** A moment of at most `maxMs`, so that the racers meet at another point in each round. */
function pause(maxMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * maxMs));
}

/** Asserts that none of a history's tokens is worth anything on any instance. */
async function assertAllDead(instances: (index: number) => TestApp, { calls }: History): Promise<void> {
  const issued = calls.flatMap(({ tokens }) => tokens ?? []);
  const answers = await Promise.all(issued.map(async (tokens, i) => {
    const me = await meOf(instances(i), { tokens });
    const refresh = await refreshWith(instances(i + 1), tokens.refreshToken);
    return [me.auth?.reason, refresh.auth?.reason];
  }));
  for (const reasons of answers) assertEquals(reasons, ["SESSION_REVOKED", "SESSION_REVOKED"]);
}

race("A-032: 200 refreshes of one token at once on three instances get one successor", async (scene) => {
  const instances = await startThree(scene);
  for (const attemptId of [undefined, newAttemptId()]) {
    const history = startHistory();
    const parent = await signIn(scene.app, "victim");
    await atOnce(
      200,
      (i) =>
        history.record(
          "refresh",
          () => refreshWith(instances(i), parent.refreshToken, attemptId),
          parent.refreshToken,
        ),
    );
    assertEquals(new Set(history.calls.map(({ status }) => status)), new Set([200]));
    assertEquals(new Set(history.calls.map(({ tokens }) => tokens?.refreshToken)).size, 1);
    assertEquals(new Set(history.calls.map(({ tokens }) => tokens?.generation)), new Set([1]));
    assertEquals((await readSession(scene.app.database.sql, parent.sessionId)).generation, 1);
    const [successor] = history.calls.map(requireTokens);
    assertEquals((await refreshWith(scene.app, successor?.refreshToken ?? "")).data.generation, 2);
  }
}, { refreshLeewaySeconds: 300 });

race("A-032: without a leeway, refreshes at once of one attempt still get one successor", async (scene) => {
  const instances = await startThree(scene);
  const history = startHistory();
  const parent = await signIn(scene.app, "victim");
  const attemptId = newAttemptId();
  await atOnce(
    50,
    (i) =>
      history.record(
        "refresh",
        () => refreshWith(instances(i), parent.refreshToken, attemptId),
        parent.refreshToken,
      ),
  );
  assertEquals(new Set(history.calls.map(({ status }) => status)), new Set([200]));
  assertNoFork(history);
}, { refreshLeewaySeconds: 0 });

race(
  "A-032: without a leeway, other attempts at once have one winner at most, and the session ends",
  async (scene) => {
    const instances = await startThree(scene);
    for (let round = 0; round < raceRounds; round++) {
      const history = startHistory();
      const parent = await signIn(scene.app, "victim");
      const attemptIds = Array.from({ length: WIDTH }, newAttemptId);
      await atOnce(
        WIDTH,
        (i) =>
          history.record(
            "refresh",
            () => refreshWith(instances(i), parent.refreshToken, attemptIds[i]),
            parent.refreshToken,
          ),
      );
      assertClosedAnswers(history);
      assertEquals(
        history.calls.filter(({ status }) => status === 200).length,
        1,
      );
      assertEquals(history.calls.filter(({ reason }) => reason === "REFRESH_REUSED").length, 1);
      await assertAllDead(instances, history);
    }
  },
  { refreshLeewaySeconds: 0 },
);

/** Races refreshes of one token against the end of its session, and asserts that the end won. */
function raceAgainst(
  name: string,
  end: (
    app: TestApp,
    user: { id: string },
    tokens: { accessToken: string; refreshToken: string },
  ) => Promise<number>,
) {
  race(name, async (scene) => {
    const instances = await startThree(scene);
    for (let round = 0; round < raceRounds; round++) {
      const { user, tokens } = await scene.registerUser();
      const history = startHistory();
      const ended = async () => {
        await pause(20);
        await history.record("revoke", async () => {
          const status = await end(instances(round), user, tokens);
          return { status, headers: new Headers(), text: "", data: undefined, auth: undefined };
        });
      };
      const refreshes = async (i: number) => {
        await pause(20);
        const call = await history.record(
          "refresh",
          () => refreshWith(instances(i), tokens.refreshToken),
          tokens.refreshToken,
        );
        if (call.tokens) {
          await history.record("me", () => meOf(instances(i + 1), { tokens: call.tokens ?? tokens }));
        }
      };
      await Promise.all([ended(), atOnce(WIDTH - 1, refreshes)]);
      assertEquals(history.calls.find(({ op }) => op === "revoke")?.status, 200);
      assertClosedAnswers(history);
      assertNoFork(history);
      assertDeadAfterEnd(history);
      await assertAllDead(instances, history);
    }
  });
}

raceAgainst(
  "A-038: refreshes racing a logout by bearer leave nothing that works",
  async (app, _user, { accessToken }) =>
    (await app.call("auth.logout", { bearer: accessToken, body: {} })).status,
);

raceAgainst(
  "A-038: refreshes racing a logout by refresh token leave nothing that works",
  async (app, _user, tokens) =>
    (await app.call("auth.logout", { body: { refreshToken: tokens.refreshToken } })).status,
);

raceAgainst(
  "A-038: refreshes racing a sessions.revoke leave nothing that works",
  async (app, _user, { accessToken }) => {
    const [, payload = ""] = accessToken.split(".");
    const { sid } = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    return (await app.call("auth.sessions.revoke", { bearer: accessToken, body: { sessionId: sid } })).status;
  },
);

raceAgainst(
  "A-039: refreshes racing a logout of all leave nothing that works",
  async (app, _user, { accessToken }) =>
    (await app.call("auth.logout", { bearer: accessToken, body: { scope: "all" } })).status,
);

raceAgainst("A-039: refreshes racing a disabling leave nothing that works", async (app, user) => {
  await disableUser(app.database.sql, user.id);
  return 200;
});

raceAgainst("A-039: refreshes racing a password reset leave nothing that works", async (app, user) => {
  await resetPassword(app.database.sql, user.id);
  return 200;
});

race("A-039: logins racing a logout of all are wholly before it or wholly after it", async (scene) => {
  const instances = await startThree(scene);
  for (let round = 0; round < raceRounds; round++) {
    const { username, tokens } = await scene.registerUser();
    const history = startHistory();
    const logins = atOnce(6, async (i) => {
      await pause(60);
      return await history.record(
        "login",
        () =>
          sendUntilServed(() =>
            instances(i).call("auth.login", { body: { identifier: username, password } })
          ),
      );
    });
    await pause(60);
    const revoke = await history.record(
      "revoke",
      () => instances(round).call("auth.logout", { bearer: tokens.accessToken, body: { scope: "all" } }),
    );
    assertEquals(revoke.status, 200);
    for (const login of await logins) {
      const signedIn = requireTokens(login);
      const me = await meOf(instances(round + 1), { tokens: signedIn });
      const refresh = await refreshWith(instances(round + 2), signedIn.refreshToken);
      assertEquals(me.status, refresh.status, "a session that is neither dead nor alive");
      if (login.returnedAt < revoke.invokedAt) assertEquals(me.auth?.reason, "SESSION_REVOKED");
      if (login.invokedAt > revoke.returnedAt) assertEquals(me.status, 200);
    }
  }
});

race(
  "A-030: replays racing refreshes of the successor end the family once, and for good",
  async (scene) => {
    const instances = await startThree(scene);
    const { sql } = scene.app.database;
    for (let round = 0; round < raceRounds; round++) {
      const history = startHistory();
      const first = await signIn(scene.app, "victim");
      const second = await rotate(scene.app, first.refreshToken, newAttemptId());
      const attemptId = newAttemptId();
      await atOnce(WIDTH, async (i) => {
        await pause(10);
        const { refreshToken } = i % 2 === 0 ? first : second;
        const attempt = i % 2 === 0 ? undefined : attemptId;
        await history.record("refresh", () => refreshWith(instances(i), refreshToken, attempt), refreshToken);
      });
      assertClosedAnswers(history);
      assertNoFork(history);
      assertDeadAfterEnd(history);
      await assertAllDead(instances, history);
      assertEquals(history.calls.filter(({ reason }) => reason === "REFRESH_REUSED").length, 1);
      const [counts] = await sql<{ denied: number; told: number }[]>`
      select (select count(*)::int from denylist where session_id = ${first.sessionId}) as denied,
        (select count(*)::int from outbox where payload ->> 'sessionId' = ${first.sessionId}) as told`;
      assertEquals({ ...counts }, { denied: 1, told: 1 });
      assertEquals((await readSession(sql, first.sessionId)).revoke_reason, "reuse");
    }
  },
  { refreshLeewaySeconds: 0 },
);
