import type * as shared from "@watchword/shared";
import type { z } from "zod";

type Exported = typeof shared;
type SchemaName = { [K in keyof Exported]: Exported[K] extends z.ZodType ? K : never }[keyof Exported];

const user = {
  id: "0198f2a4-7c1e-7b3a-9d52-3f6f1c0e8a11",
  email: null,
  username: "ada",
  emailVerified: false,
  roles: [],
  createdAt: "2026-01-15T09:30:00.000Z",
};

const session = {
  id: "0198f2a4-7c20-7d44-8e0b-5a9be2d7c3f4",
  current: true,
  createdAt: "2026-01-15T09:30:00.000Z",
  lastUsedAt: "2026-01-15T09:30:00.000Z",
  authenticatedAt: "2026-01-15T09:30:00.000Z",
  expiresAt: "2026-02-14T09:30:00.000Z",
  userAgent: "curl/8.5.0",
  ip: "203.0.113.7",
  amr: ["pwd"],
};

const tokens = {
  tokenType: "Bearer",
  accessToken: "eyJhbGciOiJFZDI1NTE5IiwidHlwIjoiYXQrand0In0.eyJzdWIiOiIwMTk4ZjJhNCJ9.c2lnbmF0dXJl",
  expiresInSeconds: 588,
  refreshToken: "AZjypHwgfUSOC1qb4tfD9AAAAAAb3BhcXVlLXRvLWNsaWVudHM",
  refreshExpiresInSeconds: 2_592_000,
  sessionId: session.id,
  generation: 0,
  serverTime: "2026-01-15T09:30:00.000Z",
} as const;

const signedIn = { status: "signed_in", user, tokens } as const;
const password = "correct horse battery";

/** One example of a schema, as the REST document shows it. Its type is the schema's own. */
export const restExamples: { readonly [K in SchemaName]?: z.input<Extract<Exported[K], z.ZodType>> } = {
  RegisterInput: { username: user.username, password },
  RegisterOutput: signedIn,
  LoginInput: { identifier: user.username, password },
  LoginOutput: signedIn,
  RefreshInput: { refreshToken: tokens.refreshToken, attemptId: "q83vEjRWeJCrze8SNFZ4kA" },
  LogoutInput: { scope: "this" },
  StepUpInput: { password },
  User: user,
  Session: session,
  Tokens: tokens,
  SignedIn: signedIn,
  Me: { user, session, claims: {} },
  Ok: { ok: true },
};
