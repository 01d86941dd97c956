import {
  type AuthClient,
  type AuthClientOptions,
  type AuthEvent,
  authReason,
  createAuthClient,
  findAuthClientError,
} from "@watchword/client";
import { password, startTestApp, type TestApp, type TestAppOptions } from "./app.ts";
import { type CounterApp, createCounterApp, type Runs } from "./counter_app.ts";
import { createWire, type Sent, type Wire } from "./wire.ts";

type Options = Partial<AuthClientOptions>;
type Alter = (sent: Sent, forward: () => Promise<Response>) => Promise<Response>;

/** An app that counts how often its procedures ran, and clients of it on one wire. */
export interface ClientScene extends AsyncDisposable {
  app: TestApp;
  runs: Runs;
  wire: Wire;
  /** Signed in as "ada". */
  client: AuthClient<CounterApp>;
  /** What happened to `client`. */
  events: AuthEvent[];
  /** Another client on the wire, disposed of with the scene. */
  open(options?: Options): AuthClient<CounterApp>;
}

/** Starts it. Clients go by the app's clock unless they are given another one. */
export async function startClientScene(
  { alter, client: options = {}, app: appOptions = {} }: {
    alter?: Alter;
    client?: Options;
    app?: TestAppOptions;
  } = {},
): Promise<ClientScene> {
  const runs = { reads: 0, adds: 0 };
  const app = await startTestApp({ router: createCounterApp(runs), ...appOptions });
  const wire = createWire(alter);
  const clients: AuthClient<CounterApp>[] = [];
  function open(more: Options = {}): AuthClient<CounterApp> {
    const client = createAuthClient<CounterApp>({
      url: `${app.origin}/trpc`,
      fetch: wire.fetch,
      clock: { wall: () => app.clock.now().getTime(), monotonic: () => app.clock.monotonicMs() },
      ...more,
    });
    clients.push(client);
    return client;
  }
  const events: AuthEvent[] = [];
  const client = open({ onEvent: (event) => events.push(event), ...options });
  const result = await client.register({ username: "ada", password });
  if (result.status !== "signed_in") throw new Error(result.status);
  return {
    app,
    runs,
    wire,
    client,
    events,
    open,
    async [Symbol.asyncDispose]() {
      for (const each of clients) each.dispose();
      await app[Symbol.asyncDispose]();
    },
  };
}

/** A clock that stays where the device was, however far the app's moves. */
export const standingClock = { wall: () => Date.now(), monotonic: () => performance.now() };

/** What becomes of a call: "done", the client's own error code, the server's reason, or the error's name. */
export const outcomeOf = (call: Promise<unknown>): Promise<string> =>
  call.then(() => "done", (error) => findAuthClientError(error)?.code ?? authReason(error) ?? error.name);

/** Holds every request to a procedure, after the server answered it, until it is released. */
export function createGate(procedure = "auth.refresh") {
  const [arrived, opened] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  return {
    arrived: arrived.promise,
    release: opened.resolve,
    async alter({ procedures }: Sent, forward: () => Promise<Response>): Promise<Response> {
      const answer = await forward();
      if (!procedures.includes(procedure)) return answer;
      arrived.resolve();
      await opened.promise;
      return answer;
    },
  };
}
