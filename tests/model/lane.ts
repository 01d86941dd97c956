import { type Auth, type Clock, createAuth, createLog, type Handler } from "@watchword/server";
import { password, testSecret } from "../kit/app.ts";
import { createTestDatabase, type TestDatabase } from "../kit/database.ts";
import type { Rules } from "./model.ts";

/** An answer, read. `data` is `result.data`. */
export interface Answer {
  status: number;
  reason: string | null;
  // deno-lint-ignore no-explicit-any -- the checks look at whatever came
  data: any;
}

/** A procedure, its input and who calls. */
export interface Question {
  path: string;
  input?: unknown;
  bearer?: string | undefined;
}

/** Instances of the service over one database, under one clock that stands still until it is moved. */
export interface Lane extends AsyncDisposable {
  rules: Rules;
  database: TestDatabase;
  instanceCount: number;
  /** Every kind of answer that a schedule has met, as `call: reason`. */
  seen: Set<string>;
  /** Seconds since 1970, for the database and every instance alike. */
  now(): number;
  /**
   * Moves both clocks. What an instance was reading meanwhile may mislead it, so each looks again before it is next
   * asked; unless `isUnseen`, which leaves it with the age of what it knows.
   */
  moveClock(seconds: number, options?: { isUnseen?: boolean }): Promise<void>;
  restart(instance: number): Promise<void>;
  ask(instance: number, question: Question): Promise<Answer>;
  /** Adds users with the password of the kit. @returns their ids and names */
  addUsers(count: number): Promise<{ id: string; username: string }[]>;
}

interface Instance {
  auth: Auth;
  handler: Handler;
  isMisled: boolean;
}

const ORIGIN = "http://watchword.test";
const queries = new Set(["auth.me", "auth.sessions.list", "database", "replica", "strict"]);

// The kit's clock runs. Here it stands, so that the edge of every window can be met exactly.
async function stopClock({ sql }: TestDatabase, at: number): Promise<void> {
  await sql.unsafe(`
    create table clock.standing (at timestamptz not null);
    insert into clock.standing values (to_timestamp(${at}));
    create or replace function clock.now() returns timestamptz stable language sql
      as $$ select at from clock.standing $$;
    create or replace function clock.clock_timestamp() returns timestamptz volatile language sql
      as $$ select at from clock.standing $$;
  `);
}

/** A service with procedures of an app's own beside the auth router: one for each way to check revocation. */
function createApp(auth: Auth): Handler {
  const guardedBy = (revocation: "database" | "replica" | "strict") =>
    auth.procedure({ auth: "required", revocation }).query(() => ({ ok: true }));
  const app = {
    database: guardedBy("database"),
    replica: guardedBy("replica"),
    strict: guardedBy("strict"),
  };
  return auth.handler(auth.trpc.router({ auth: auth.router, ...app }));
}

/** Opens a lane on a database of its own. */
export async function openLane(
  { instanceCount, ...rules }: Rules & { instanceCount: number },
): Promise<Lane> {
  const database = await createTestDatabase();
  let now = Math.floor(Date.now() / 1_000);
  await stopClock(database, now);
  const bugs: string[] = [];
  const instances: Instance[] = [];

  async function start(): Promise<Instance> {
    const clock: Clock = { now: () => new Date(now * 1_000), monotonicMs: () => now * 1_000 };
    const auth = await createAuth({
      databaseUrl: database.url,
      issuer: ORIGIN,
      keyEncryptionSecret: testSecret,
      rateLimits: false,
      accessTokenTtlSeconds: rules.accessSeconds,
      refreshIdleTtlSeconds: rules.idleSeconds,
      sessionAbsoluteTtlSeconds: rules.absoluteSeconds,
      refreshLeewaySeconds: rules.leewaySeconds,
      refreshReplayWindowSeconds: rules.replaySeconds,
      clock,
      log: createLog("error", (line) => void bugs.push(line)),
    });
    return { auth, handler: createApp(auth), isMisled: false };
  }

  async function ask(index: number, { path, input, bearer }: Question): Promise<Answer> {
    const isQuery = queries.has(path);
    const instance = instances[index]!;
    // The first look may have begun before the clocks moved; the second has not.
    for (let looks = 0; instance.isMisled && looks < 2; looks++) {
      await instance.handler(new Request(`${ORIGIN}/health/ready`));
    }
    instance.isMisled = false;
    const response = await instance.handler(
      new Request(`${ORIGIN}/trpc/${path}`, {
        method: isQuery ? "GET" : "POST",
        headers: {
          ...(isQuery ? {} : { "content-type": "application/json" }),
          ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        },
        ...(isQuery ? {} : { body: JSON.stringify(input ?? {}) }),
      }),
    );
    const json = await response.json();
    const reason = json.error?.data?.auth?.reason ?? null;
    if (response.status === 500) throw new Error(`${path} failed inside: ${bugs.at(-1)}`);
    return { status: response.status, reason, data: json.result?.data };
  }

  for (let i = 0; i < instanceCount; i++) instances.push(await start());
  // Hashed once; the users of all schedules share the hash.
  const first = await ask(0, { path: "auth.register", input: { username: "first", password } });
  if (first.status !== 200) throw new Error(`register answered ${first.reason}`);

  return {
    rules,
    database,
    instanceCount,
    seen: new Set(),
    now: () => now,
    ask,
    async moveClock(seconds, { isUnseen = false } = {}) {
      now += seconds;
      await database.sql`update clock.standing set at = to_timestamp(${now})`;
      if (!isUnseen) { for (const one of instances) one.isMisled = true; }
    },
    async restart(instance) {
      await instances[instance]!.auth.close();
      instances[instance] = await start();
    },
    async addUsers(count) {
      return await database.sql<{ id: string; username: string }[]>`
        insert into users (id, username, password_hash)
        select new.id, substr('u' || replace(new.id::text, '-', ''), 1, 32), users.password_hash
        from users, (select gen_random_uuid() as id from generate_series(1, ${count})) new
        where users.username = 'first' returning id, username`;
    },
    async [Symbol.asyncDispose]() {
      for (const { auth } of instances) await auth.close();
      await database[Symbol.asyncDispose]();
    },
  };
}
