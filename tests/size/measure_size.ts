/** What `deno task size` runs: the client's sizes beside their goals, and those of other clients by the same bundler. */
import { stop } from "esbuild";
import { print } from "../../server/observe/log.ts";
import { makeNpmProject } from "../packages/npm_project.ts";
import { measureBundle, sizeGoals } from "./bundle_size.ts";

/** A client of each, made as its own documentation makes it. */
const others: Record<string, { version: string; code: string }> = {
  "@supabase/auth-js": {
    version: "2.119.1",
    code: `export { AuthClient } from "@supabase/auth-js";`,
  },
  "supertokens-web-js": {
    version: "0.16.0",
    code: `import SuperTokens from "supertokens-web-js";
      import Session from "supertokens-web-js/recipe/session";
      import EmailPassword from "supertokens-web-js/recipe/emailpassword";
      export { EmailPassword, Session, SuperTokens };`,
  },
  "oidc-client-ts": { version: "3.5.0", code: `export { UserManager } from "oidc-client-ts";` },
  "@auth0/auth0-spa-js": {
    version: "2.27.0",
    code: `export { createAuth0Client } from "@auth0/auth0-spa-js";`,
  },
  "better-auth": { version: "1.7.25", code: `export { createAuthClient } from "better-auth/client";` },
  "@openauthjs/openauth": {
    version: "0.4.3",
    code: `export { createClient } from "@openauthjs/openauth/client";`,
  },
  "@workos-inc/authkit-js": {
    version: "0.20.3",
    code: `export { createClient } from "@workos-inc/authkit-js";`,
  },
};

const toKib = (bytes: number) => (bytes / 1_024).toFixed(2).padStart(6);

async function main(): Promise<boolean> {
  let isWithin = true;
  print("KiB, bundled by esbuild, minified, gzip -9\n");
  for (const { name, goalBytes, measure } of sizeGoals) {
    const bytes = await measure();
    if (bytes > goalBytes) isWithin = false;
    print(`${toKib(bytes)} of ${toKib(goalBytes)}  ${bytes <= goalBytes ? "ok      " : "TOO LARGE"} ${name}`);
  }
  if (Deno.args.includes("--ours")) return isWithin;

  print("\nother clients, whole");
  const dependencies = Object.fromEntries(
    Object.entries(others).map(([name, { version }]) => [name, version]),
  );
  await using project = await makeNpmProject(dependencies);
  for (const [name, { version, code }] of Object.entries(others)) {
    print(`${toKib(await measureBundle({ code, folder: project.path }))}  ${name} ${version}`);
  }
  return isWithin;
}

const isWithin = await main().finally(stop);
Deno.exit(isWithin ? 0 : 1);
