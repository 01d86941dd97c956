import type { Verifier } from "@watchword/server/verifier";
import { startTestApp, type TestApp } from "../kit/app.ts";
import { startTcpProxy, type TcpProxy } from "../kit/tcp_proxy.ts";
import { feedToken, verifierOf } from "../kit/verifier.ts";

/** S of the verifiers here. */
export const STALENESS_SECONDS = 3;

/** A service, and a verifier whose way to the feed can be cut; the keys come by another way. */
export interface FeedScene extends AsyncDisposable {
  app: TestApp;
  proxy: TcpProxy;
  verifier: Verifier;
}

export async function startFeedScene(): Promise<FeedScene> {
  const stack = new AsyncDisposableStack();
  const app = stack.use(await startTestApp({ revocationFeedToken: feedToken }));
  const proxy = stack.use(await startTcpProxy(app.origin));
  const verifier = stack.use(verifierOf(app, {
    revocations: { token: feedToken, url: `${proxy.url}revocations` },
    maxStalenessSeconds: STALENESS_SECONDS,
  }));
  return { app, proxy, verifier, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
