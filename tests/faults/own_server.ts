import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../server/store/embedded_postgres.ts";

/** A PostgreSQL of a test's own, to be paused and stopped. */
export interface OwnServer extends AsyncDisposable {
  databaseUrl: string;
  /** Stops every process of the server where it stands; connections stay open and nobody answers. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<void>;
  /** Starts it again on the same data. The port is another one. */
  start(): Promise<void>;
}

/** Starts a server on an empty directory. */
export async function startOwnServer(): Promise<OwnServer> {
  const dataDir = await Deno.makeTempDir({ prefix: "watchword-fault-" });
  await Deno.chmod(dataDir, 0o755);
  let server: EmbeddedPostgres | undefined = await startEmbeddedPostgres({ dataDir, isThrowaway: true });
  let databaseUrl = server.databaseUrl;
  let paused: number[] = [];

  async function findProcesses(): Promise<number[]> {
    const pid = Number((await Deno.readTextFile(`${dataDir}/postgres/postmaster.pid`)).split("\n", 1)[0]);
    const children = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`);
    return [pid, ...children.split(" ").filter(Boolean).map(Number)];
  }

  const resume = () => {
    for (const pid of paused) Deno.kill(pid, "SIGCONT");
    paused = [];
    return Promise.resolve();
  };
  return {
    get databaseUrl() {
      return databaseUrl;
    },
    async pause() {
      paused = await findProcesses();
      for (const pid of paused) Deno.kill(pid, "SIGSTOP");
    },
    resume,
    async stop() {
      await server?.stop();
      server = undefined;
    },
    async start() {
      server = await startEmbeddedPostgres({ dataDir, isThrowaway: true });
      databaseUrl = server.databaseUrl;
    },
    async [Symbol.asyncDispose]() {
      await resume();
      await server?.stop();
      await Deno.remove(dataDir, { recursive: true });
    },
  };
}
