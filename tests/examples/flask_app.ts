/**
 * The Flask side of `examples/from_flask`, run for real: `deno test -A tests/examples/flask_app.ts`. Apart from the
 * suite, because it needs Python; as root on Debian it installs what is missing.
 */
import { assertEquals } from "@std/assert";
import { eventually } from "../faults/probe_app.ts";
import { projectFolder } from "../kit/service_process.ts";
import { findFreePort } from "../kit/free_port.ts";
import { walkTutorial } from "./tutorial_flow.ts";

const python = "/usr/bin/python3";

async function run(command: string, args: string[]): Promise<boolean> {
  return (await new Deno.Command(command, { args, stdout: "null", stderr: "null" }).output()).success;
}

async function requireFlask(): Promise<void> {
  const isThere = () => run(python, ["-c", "import flask_jwt_extended"]);
  if (await isThere()) return;
  await run("apt-get", ["update", "-qq"]);
  const packages = ["python3-flask", "python3-python-flask-jwt-extended"];
  await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages]);
  if (!await isThere()) throw new Error(`${python} has no flask_jwt_extended`);
}

Deno.test("the tutorials' flow in Flask: the same steps, and a refresh token that outlives its logout", async () => {
  await requireFlask();
  const port = `${findFreePort()}`;
  const origin = `http://127.0.0.1:${port}`;
  const child = new Deno.Command(python, {
    args: [`${projectFolder}examples/from_flask/flask_app.py`],
    env: { PORT: port, JWT_SECRET_KEY: crypto.randomUUID() },
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    await eventually("it listens", 20_000, () =>
      fetch(origin).then(async (response) => {
        await response.body?.cancel();
        return true;
      }, () => false));
    const steps = await walkTutorial({
      origin,
      prefix: "",
      nameField: "username",
      readTokens: ({ access_token, refresh_token }) => ({ access: access_token, refresh: refresh_token }),
      refreshWith: (bearer) => ({ bearer }),
      readRenewed: ({ access_token }) => access_token,
      readRefusal: ({ msg }) => msg,
      letSignInAge: () => Promise.resolve(),
    });
    assertEquals(steps, [
      ["2. register", "201"],
      ["2. register the same name", "409 This name is taken"],
      ["3. log in with a wrong password", "401 Wrong name or password"],
      ["3. log in", "200"],
      ["4. protected", "200"],
      ["4. protected, without a token", "401 Missing Authorization Header"],
      ["6. fresh, after a login", "200"],
      ["5. refresh", "200"],
      ["5. protected, with the new token", "200"],
      ["6. fresh, after a refresh", "401 Fresh token required"],
      ["7. log out", "200"],
      ["7. protected, with that token", "401 Token has been revoked"],
      ["7. refresh, after the logout", "200"],
    ]);
  } finally {
    child.kill("SIGTERM");
    await child.status;
  }
});
