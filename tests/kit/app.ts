import { type AuthClient, type AuthClientOptions, createAuthClient } from "@watchword/client";
import { type AppContext, type Auth, type AuthOptions, createAuth, createLog } from "@watchword/server";
import type { AnyTRPCRouter } from "@trpc/server";
import { type AppRouter, createServiceRouter } from "../../server/service_router.ts";
import { noticeClock, type TestClock, testClock } from "./clock.ts";
import { createTestDatabase, type TestDatabase } from "./database.ts";

/** A running service on a database of its own. */
export interface TestApp extends AsyncDisposable {
  auth: Auth;
  database: TestDatabase;
  /** Shared by all instances. */
  clock: TestClock;
  /** `http://127.0.0.1:PORT` */
  origin: string;
  /** Every log line so far. */
  logs: string[];
  /** Moves the clocks of the service and of the database together. */
  advance(seconds: number): Promise<void>;
  /** Starts another instance of the service on the same database. */
  startInstance(options?: Partial<AuthOptions>): Promise<TestApp>;
  /** Posts or gets raw: `call("auth.login", { body })`. */
  call(path: string, options?: CallOptions): Promise<RawAnswer>;
  client(options?: Partial<AuthClientOptions>): AuthClient<AppRouter>;
}

export interface CallOptions {
  method?: string;
  /** Sent as JSON, and makes it a POST. */
  body?: unknown;
  /** Sent as it is. */
  rawBody?: BodyInit;
  bearer?: string | undefined;
  headers?: Record<string, string>;
}

/** An answer, read. `data` is `result.data`, `auth` is `error.data.auth`; both loosely typed on purpose. */
export interface RawAnswer {
  status: number;
  headers: Headers;
  text: string;
  // deno-lint-ignore no-explicit-any -- tests look at whatever came
  data: any;
  auth: { reason: string; executed: boolean; retryAfterSeconds?: number } | undefined;
}

export interface TestAppOptions extends Partial<AuthOptions> {
  /** Serves this router instead of the stand-alone service's. */
  router?: (auth: Auth) => AnyTRPCRouter;
  /** What that router's procedures find in `ctx` beside `auth`. */
  createContext?: AppContext;
}

/** 32 characters that protect nothing. */
export const testSecret = "test-secret-test-secret-test-secret";
export const password = "correct horse battery";

/** Starts the service over real HTTP on a fresh database. Limits are off unless asked for. */
export async function startTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const database = await createTestDatabase();
  return await startOn(database, options, { ownsDatabase: true });
}

async function startOn(
  database: TestDatabase,
  { router, createContext, ...options }: TestAppOptions,
  { ownsDatabase, sharedClock }: { ownsDatabase: boolean; sharedClock?: TestClock },
): Promise<TestApp> {
  const logs: string[] = [];
  const clock = sharedClock ?? testClock();
  const instances: TestApp[] = [];
  let handle: Deno.ServeHandler<Deno.NetAddr> | undefined = undefined;
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request, info) => handle?.(request, info) ?? new Response(null, { status: 503 }),
  );
  const origin = `http://127.0.0.1:${server.addr.port}`;
  const auth = await createAuth({
    databaseUrl: database.url,
    issuer: "http://watchword.test",
    keyEncryptionSecret: testSecret,
    rateLimits: false,
    clock,
    log: createLog("debug", (line) => void logs.push(line)),
    ...options,
  });
  handle = auth.handler(router?.(auth) ?? createServiceRouter(auth), createContext ? { createContext } : {});

  return {
    auth,
    database,
    clock,
    origin,
    logs,
    async advance(seconds) {
      clock.shiftMs += seconds * 1_000;
      await database.shiftClock(clock.shiftMs);
      await noticeClock(origin, ...instances.map((instance) => instance.origin));
    },
    async startInstance(more = {}) {
      const instance = await startOn(database, {
        ...options,
        ...(router ? { router } : {}),
        ...(createContext ? { createContext } : {}),
        ...more,
      }, {
        ownsDatabase: false,
        sharedClock: clock,
      });
      instances.push(instance);
      return instance;
    },
    call: (path, call) => callRaw(origin, path, call),
    client: (more = {}) =>
      createAuthClient<AppRouter>({
        url: `${origin}/trpc`,
        clock: { wall: () => clock.now().getTime(), monotonic: () => clock.monotonicMs() },
        ...more,
      }),
    async [Symbol.asyncDispose]() {
      for (const instance of instances) await instance[Symbol.asyncDispose]();
      await server.shutdown();
      await auth.close();
      if (ownsDatabase) await database[Symbol.asyncDispose]();
    },
  };
}

async function callRaw(origin: string, path: string, options: CallOptions = {}): Promise<RawAnswer> {
  const { body, rawBody, bearer, headers = {} } = options;
  const hasBody = body !== undefined || rawBody !== undefined;
  const response = await fetch(path.startsWith("/") ? `${origin}${path}` : `${origin}/trpc/${path}`, {
    method: options.method ?? (hasBody ? "POST" : "GET"),
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      ...headers,
    },
    ...(hasBody ? { body: rawBody ?? JSON.stringify(body) } : {}),
  });
  const text = await response.text();
  const json = parse(text);
  return {
    status: response.status,
    headers: response.headers,
    text,
    data: json?.result?.data,
    auth: json?.error?.data?.auth,
  };
}

// deno-lint-ignore no-explicit-any -- tests look at whatever came
function parse(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Registers a user over HTTP. */
export async function registerUser(app: TestApp, username = `user-${crypto.randomUUID().slice(0, 8)}`) {
  const answer = await app.call("auth.register", { body: { username, password } });
  if (answer.status !== 200) throw new Error(answer.text);
  const { user, tokens } = answer.data;
  return {
    username,
    user: user as { id: string },
    tokens: tokens as { accessToken: string; refreshToken: string; sessionId: string; generation: number },
  };
}
