import type { Denylist } from "../denylist/denylist.ts";
import type { Guard } from "../guard.ts";
import type { HookRunner } from "../hooks.ts";
import type { Audit } from "../observe/audit.ts";
import type { Log } from "../observe/log.ts";
import type { Passwords } from "../passwords/passwords.ts";
import type { Store } from "../store/connect.ts";
import type { Lifetimes } from "../store/sessions.ts";
import type { Limits } from "../throttle/limits.ts";
import type { AccessTokens } from "../tokens/access_token.ts";
import type { RefreshTokenCodec } from "../tokens/refresh_token.ts";

/** Settings that flows decide by. */
export interface FlowSettings {
  clientId: string;
  lifetimes: Lifetimes;
  refreshLeewaySeconds: number;
  refreshReplayWindowSeconds: number;
  registration: "open" | "closed";
  passwordMinCodePoints: number;
}

/** Everything a flow works with. */
export interface FlowDeps {
  store: Store;
  hooks: HookRunner;
  denylist: Denylist;
  guard: Guard;
  limits: Limits;
  passwords: Passwords;
  accessTokens: AccessTokens;
  refreshTokens: RefreshTokenCodec;
  log: Log;
  audit: Audit;
  settings: FlowSettings;
}
