import { assert, assertEquals } from "@std/assert";
import type { AuthOptions } from "@watchword/server";
import { isReason, type Reason, reasons } from "@watchword/shared";
import { type RawAnswer, registerUser, startTestApp, type TestApp, type TestAppOptions } from "../kit/app.ts";
import { type Canary, startCanary, watchFetch } from "./canary.ts";
import { type Forge, openForge } from "./forge.ts";
import { createLeakWatch, type LeakWatch } from "./leak_watch.ts";
import { countAuditEvents, readFingerprint, waitForAuditEvents } from "./state.ts";
import { createVerifierTwin } from "./verifier_twin.ts";
import { tapDatabase, type WireTap } from "./wire_tap.ts";

/** A registered user with the tokens of its first session. */
export type Account = Awaited<ReturnType<typeof registerUser>>;
/** One attack: sends something and gives back the answer. */
export type Send = () => Promise<RawAnswer>;

/** What an attack must come to. */
export interface Refusal {
  /** @default the status of the first reason */
  status?: number | number[];
  reason?: Reason | Reason[];
  /** Rows that the audit trail gains, for all variants together. @default 0 */
  audit?: number | "any";
  /** `changed` leaves the comparison of the tables to the test. @default "same" */
  state?: "same" | "changed";
  /** How often the service may read its signing keys. @default 0 */
  keyReloads?: number;
  /** @default true */
  victimLives?: boolean;
  /** `any` leaves the log to another test. @default "one line an answer" */
  log?: "one line an answer" | "any";
}

/** A service under attack, a victim that uses it, and everything that must not happen being watched. */
export interface Scene extends AsyncDisposable {
  app: TestApp;
  /** A second instance on the same database. */
  other: TestApp;
  victim: Account;
  /** The service's own signing key. */
  forge: Forge;
  /** What `app` says to the database. */
  wire: WireTap;
  canary: Canary;
  leaks: LeakWatch;
  /** Moves the clocks of all instances and of the database. */
  advance(seconds: number): Promise<void>;
  startInstance(options?: Partial<AuthOptions>): Promise<TestApp>;
  registerUser(username?: string): Promise<Account>;
  /** Sends each variant and asserts that it is refused and that nothing else happens. */
  refuses(variants: Readonly<Record<string, Send>>, refusal: Refusal): Promise<void>;
  /** The same for bearer tokens, on `auth.me`, and a verifier must say the same. @default TOKEN_INVALID */
  refusesBearers(tokens: Readonly<Record<string, string>>, refusal?: Refusal): Promise<void>;
  /** The same for refresh tokens, on `auth.refresh`. @default REFRESH_INVALID */
  refusesRefreshes(tokens: Readonly<Record<string, string>>, refusal?: Refusal): Promise<void>;
  /** Asserts what holds for a whole scene: no secret anywhere, no 5xx, no call to the outside. */
  assertSpotless(): Promise<void>;
}

/** Declares a test of the attack catalogue (security.md §ii): a scene, the attack, and a spotless end. */
export function attack(
  name: string,
  run: (scene: Scene) => Promise<void>,
  options: TestAppOptions = {},
  watching: { mayPutOff?: boolean } = {},
): void {
  Deno.test(name, async () => {
    await using scene = await startScene(options, watching);
    await run(scene);
    await scene.assertSpotless();
  });
}

/** Rounds of a race: 25, `ROUNDS`, or 1,000 with `LONG=1`. */
export const raceRounds = Number(Deno.env.get("ROUNDS") ?? (Deno.env.get("LONG") === "1" ? 1_000 : 25));

/** Runs one attack many times at once. */
export function atOnce<T>(count: number, send: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => send(index)));
}

const LOG_LINE_MAX_LENGTH = 1_000;

/** Starts two instances on one database and registers the victim. */
export async function startScene(
  options: TestAppOptions = {},
  watching: { mayPutOff?: boolean } = {},
): Promise<Scene> {
  const leaks = createLeakWatch(watching);
  const cleanup = new AsyncDisposableStack();
  const other = leaks.watch(cleanup.use(await startTestApp(options)));
  const { database } = other;
  const wire = tapDatabase(database.url);
  cleanup.use(wire);
  const canary = cleanup.use(startCanary());
  const app = leaks.watch(await other.startInstance({ databaseUrl: wire.url }));
  // Before the tap closes, so that the pool behind it has gone.
  cleanup.defer(() => app.auth.close());
  const instances = [app, other];
  const fetches = cleanup.use(watchFetch((url) => instances.some(({ origin }) => url.startsWith(origin))));
  const twin = cleanup.use(createVerifierTwin(app));
  const victim = await registerUser(app, "victim");
  leaks.isIssued(victim.tokens);

  function assertRefusal(name: string, answer: RawAnswer, { status, reason, log }: Refusal): void {
    leaks.readAnswer(name, answer);
    const allowed = reason === undefined ? undefined : [reason].flat();
    const statuses = status === undefined ? allowed?.map((each) => reasons[each].status) : [status].flat();
    const got = `${name}: ${answer.status} ${answer.text.slice(0, 300)}`;
    assert(statuses?.includes(answer.status), `expected ${statuses}, got ${got}`);
    // Refused by the HTTP parser: no code of ours has seen it.
    if (!answer.headers.has("x-request-id")) {
      assert([400, 431].includes(answer.status), got);
      return;
    }
    assertEquals(answer.headers.get("cache-control"), "no-store", name);
    if (answer.status === 401) assert(answer.headers.get("www-authenticate")?.startsWith("Bearer"), name);
    const given = readReason(answer);
    if (!isReason(given)) throw new Error(`not a reason of the closed list: ${got}`);
    assertEquals(reasons[given].status, answer.status, got);
    if (allowed) assert(allowed.includes(given), `expected ${allowed}, got ${got}`);
    if (log !== "any") assertOneLogLine(name, answer);
  }

  function assertOneLogLine(name: string, answer: RawAnswer): void {
    const requestId = answer.headers.get("x-request-id") ?? "";
    const lines = instances.flatMap(({ logs }) => logs.slice(-200)).filter((line) =>
      line.includes(requestId)
    );
    const refusals = lines.map((line) => JSON.parse(line)).filter(({ event }) => event === "refused");
    assertEquals(refusals.length, 1, `${name}: log lines of the refusal: ${JSON.stringify(lines)}`);
    for (const line of lines) {
      assert(line.length <= LOG_LINE_MAX_LENGTH, `${name}: ${line.length} characters`);
    }
  }

  async function refuses(variants: Readonly<Record<string, Send>>, refusal: Refusal): Promise<void> {
    const { audit = 0, state = "same", keyReloads = 0, victimLives = true } = refusal;
    const fingerprint = await readFingerprint(database.sql);
    const auditEvents = await countAuditEvents(database.sql);
    const said = wire.statements.length;
    for (const [name, send] of Object.entries(variants)) assertRefusal(name, await send(), refusal);
    if (state === "same") assertEquals(await readFingerprint(database.sql), fingerprint);
    if (audit !== "any") {
      await waitForAuditEvents(database.sql, auditEvents + audit);
      assertEquals(await countAuditEvents(database.sql) - auditEvents, audit, "audit rows");
    }
    const reads = wire.count(/"signing_keys"/, said);
    assert(reads <= keyReloads, `the signing keys were read ${reads} times`);
    assertEquals([...canary.requests, ...fetches.outbound], [], "requests to the outside");
    if (victimLives) assertEquals((await meOf(app, victim)).status, 200, "the victim's session still works");
  }

  const scene: Scene = {
    app,
    other,
    victim,
    wire,
    canary,
    leaks,
    forge: await openForge(other),
    advance: (seconds) => other.advance(seconds),
    async startInstance(more = {}) {
      const instance = leaks.watch(await other.startInstance(more));
      instances.push(instance);
      return instance;
    },
    registerUser: (username) => registerUser(app, username),
    refuses,
    refusesBearers: (tokens, refusal = { reason: "TOKEN_INVALID" }) =>
      refuses(
        mapEntries(tokens, (name, bearer) => async () => {
          const answer = await app.call("auth.me", { bearer });
          await twin.agrees(name, bearer, answer);
          return answer;
        }),
        refusal,
      ),
    refusesRefreshes: (tokens, refusal = { reason: "REFRESH_INVALID" }) =>
      refuses(
        mapEntries(tokens, (_, refreshToken) => () => app.call("auth.refresh", { body: { refreshToken } })),
        refusal,
      ),
    async assertSpotless() {
      await leaks.assertNone(database.sql, instances.flatMap(({ logs }) => logs));
      assertEquals([...canary.requests, ...fetches.outbound], [], "requests to the outside");
    },
    [Symbol.asyncDispose]: () => cleanup.disposeAsync(),
  };
  return scene;
}

/** The reason of a refusal; in a batch, of its first call. */
function readReason({ auth, text }: RawAnswer): string | undefined {
  return auth?.reason ?? (text.startsWith("[") ? JSON.parse(text)[0]?.error?.data?.auth?.reason : undefined);
}

/** Asks `auth.me` with an account's access token. */
export function meOf(app: TestApp, { tokens }: Pick<Account, "tokens">): Promise<RawAnswer> {
  return app.call("auth.me", { bearer: tokens.accessToken });
}

/** Presents a refresh token. */
export function refreshWith(app: TestApp, refreshToken: string, attemptId?: string): Promise<RawAnswer> {
  return app.call("auth.refresh", {
    body: { refreshToken, ...(attemptId === undefined ? {} : { attemptId }) },
  });
}

/** A fresh attempt id. */
export function newAttemptId(): string {
  return crypto.getRandomValues(new Uint8Array(16)).toBase64({ alphabet: "base64url", omitPadding: true });
}

function mapEntries<T, U>(
  record: Readonly<Record<string, T>>,
  map: (name: string, value: T) => U,
): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(name, value)]));
}
