import type { Handler } from "@watchword/server";
import { announce, createHostApp, stopOnSignal } from "./host_app.ts";

declare const Bun: {
  serve(options: { hostname: string; port: number; idleTimeout: number; fetch: Handler }): {
    port: number;
    stop(): Promise<void>;
  };
};

const { auth, handler } = await createHostApp();
// Without a time-out of its own, which would cut streams that are silent for a while.
const server = Bun.serve({ hostname: "127.0.0.1", port: 0, idleTimeout: 0, fetch: handler });
announce(server.port);
stopOnSignal(auth, () => server.stop());
