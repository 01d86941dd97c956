import type { Hooks } from "@watchword/server";
import { password, startTestApp, type TestApp } from "../kit/app.ts";

/** An app with a table of its own that references ours. */
export async function startHooked(
  hooks: Hooks,
  options: { refreshLeewaySeconds?: number } = {},
): Promise<TestApp> {
  const app = await startTestApp({ hooks, ...options });
  await app.database.sql`
    create table profiles (
      user_id uuid primary key references users(id) on delete cascade,
      display_name text not null,
      sign_in_count integer not null default 0
    )`;
  return app;
}

export const login = (app: TestApp, username: string) =>
  app.call("auth.login", { body: { identifier: username, password } });
