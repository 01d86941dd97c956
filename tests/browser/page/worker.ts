/** A service worker with a client of its own over the page's session. It calls when it is told to. */
import { createAuthClient } from "@watchword/client";
import { indexedDbStore } from "@watchword/client/storage/indexeddb";
import type { PageRouter } from "../page_app.ts";

const auth = createAuthClient<PageRouter>({ url: `${location.origin}/trpc`, storage: indexedDbStore() });

addEventListener("message", (event) => {
  const port = (event as MessageEvent).ports[0];
  auth.trpc.read.query().then(
    (said) => port?.postMessage({ said }),
    (error) => port?.postMessage({ failed: String(error) }),
  );
});
