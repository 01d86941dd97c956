import { createHostApp } from "./host_app.ts";

// `deno serve` listens, in as many workers as it is told, and hands each request to the default export. On SIGTERM it
// cuts what is under way and waits until nothing is left to do, so what this module opened is closed here.
const { auth, handler } = await createHostApp();
Deno.addSignalListener("SIGTERM", () => void auth.close());
const host = { fetch: handler };
export { host as default };
