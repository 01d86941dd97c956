/**
 * What an app's own tests need: a clock that stands still, an auth server in memory, a network that breaks, and tabs
 * that share a storage.
 *
 * @module
 */
export {
  createFakeAuthServer,
  type FakeAuth,
  type FakeAuthServer,
  type FakeAuthServerOptions,
} from "./create_fake_auth_server.ts";
export {
  createTabs,
  type SharedStorage,
  type Tab,
  type TabOptions,
  type Tabs,
  type TabsOptions,
} from "./create_tabs.ts";
export { type FakeClock, fakeClock } from "./fake_clock.ts";
export type { FakeIdentity, FakePolicy } from "./fake_guard.ts";
export { FakeRefusal } from "./fake_refusal.ts";
export type { FakeSession, FakeUser } from "./fake_sessions.ts";
export {
  createFaultyFetch,
  type Fault,
  type FaultyFetch,
  type SentRequest,
  type Which,
} from "./faulty_fetch.ts";
