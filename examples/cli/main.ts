// deno-lint-ignore-file no-console -- an example talks to its reader
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { authReason, createAuthClient, findAuthClientError, type Reason, withAuth } from "@watchword/client";
import { fileStore } from "@watchword/client/storage/file";
import type { AppRouter } from "@watchword/server";
import { askForPassword } from "./ask_for_password.ts";

const url = process.env["API_URL"] ?? "http://127.0.0.1:8000/trpc";
const folder = process.env["CLI_DIR"] ?? join(homedir(), ".watchword-cli");
const auth = createAuthClient<AppRouter>({
  url,
  storage: fileStore(folder),
  // A token is shown only to the service that gave it.
  storageKey: url,
  onEvent({ type }) {
    if (type !== "storage") return;
    console.error(`${folder} cannot be used: it has to be yours alone (chmod 700).`);
    process.exitCode = 1;
  },
});

/** What a user is told, and the command ends with 1. */
class Refusal extends Error {}

const texts: Partial<Record<Reason, string>> = {
  INVALID_CREDENTIALS: "This name and this password do not belong together.",
  RATE_LIMITED: "Too many attempts. Try again later.",
};

const commands: Record<string, (name?: string) => Promise<void>> = {
  async login(name) {
    if (name === undefined) throw new Refusal("Say who you are: login <name>");
    const password = await askForPassword("Password: ");
    if (password === null) throw new Refusal("No password was given.");
    const result = await auth.login({ identifier: name, password });
    if (result.status === "rejected") throw new Refusal(texts[result.reason] ?? result.reason);
    if (result.status !== "signed_in") throw new Refusal(`This tool cannot go on after ${result.status}.`);
    console.log(`Signed in as ${name}.`);
  },
  async whoami() {
    const { user, session } = await auth.trpc.auth.me.query(undefined, withAuth("required"));
    console.log(`${user.username ?? user.email}, signed in since ${session.authenticatedAt}`);
  },
  async logout() {
    await auth.logout();
    console.log("Signed out.");
  },
};

function describeError(error: unknown): string {
  if (error instanceof Refusal) return error.message;
  const reason = authReason(error);
  if (reason !== null) return texts[reason] ?? reason;
  switch (findAuthClientError(error)?.code) {
    case "signed_out":
      return "You are not signed in. Run: login <name>";
    case undefined:
      return String(error);
    default:
      return "The service cannot be reached. Try again later.";
  }
}

const [name = "", argument] = process.argv.slice(2);
const command = commands[name];
try {
  if (command === undefined) throw new Refusal(`Commands: ${Object.keys(commands).join(", ")}`);
  await command(argument);
} catch (error) {
  console.error(describeError(error));
  process.exitCode = 1;
}
