import { announce, createHostApp, stopOnSignal } from "./host_app.ts";

const { auth, handler } = await createHostApp();
const server = Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen: ({ port }) => announce(port) },
  handler,
);
stopOnSignal(auth, () => server.shutdown());
