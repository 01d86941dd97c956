/**
 * A client in another language, generated from `/openapi.json` by OpenAPI Generator: `deno task test:rest-client`.
 * Apart from the suite, because it needs a Java and a Python runtime; as root on Debian it installs them.
 */
import { assert, assertEquals } from "@std/assert";
import { startTestApp } from "../kit/app.ts";

// The last release that has the generator in the package; newer ones fetch it from another registry, and this one
// reads OpenAPI 3.0 only.
const tools = {
  generator: "npm:@openapitools/openapi-generator-cli@1.0.18-5.0.0-beta2",
  converter: "npm:@apiture/openapi-down-convert@0.14.2",
};
const python = "/usr/bin/python3";
const debianPackages = [
  "default-jre-headless",
  ...["python3", "python3-certifi", "python3-dateutil", "python3-six", "python3-urllib3"],
];

async function run(command: string, args: string[], { cwd }: { cwd?: string } = {}): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, ...(cwd ? { cwd } : {}) })
    .output();
  const decoder = new TextDecoder();
  if (!success) {
    throw new Error(`${command} ${args.join(" ")}\n${decoder.decode(stdout)}${decoder.decode(stderr)}`);
  }
  return decoder.decode(stdout);
}

async function installRuntimes(): Promise<void> {
  try {
    await run("java", ["-version"]);
    await run(python, ["-c", "import certifi, dateutil, six, urllib3"]);
  } catch {
    await run("apt-get", ["update", "-qq"]);
    await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...debianPackages]);
  }
}

/** Generates the package `watchword_client` into a folder. */
async function generateClient(document: string, folder: string): Promise<void> {
  await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify({ nodeModulesDir: "auto", imports: tools }));
  await run(Deno.execPath(), ["install", "--quiet"], { cwd: folder });
  await Deno.writeTextFile(`${folder}/openapi31.json`, document);
  const modules = `${folder}/node_modules/@`;
  await run(Deno.execPath(), [
    ...["run", "-A", `${modules}apiture/openapi-down-convert/lib/src/cli.js`],
    ...["--input", "openapi31.json", "--output", "openapi30.json"],
  ], { cwd: folder });
  await run("java", [
    ...["-jar", `${modules}openapitools/openapi-generator-cli/bin/openapi-generator.jar`, "generate"],
    ...["-g", "python-experimental", "-i", `${folder}/openapi30.json`, "-o", `${folder}/client`],
    ...["--package-name", "watchword_client"],
  ]);
}

Deno.test("a Python client generated from the document registers, signs in, calls, refreshes and signs out", async () => {
  await installRuntimes();
  await using app = await startTestApp();
  const folder = await Deno.makeTempDir({ prefix: "watchword-rest-client-" });
  try {
    await generateClient((await app.call("/openapi.json")).text, folder);
    const script = decodeURIComponent(new URL("./sign_in.py", import.meta.url).pathname);
    const said = await run(python, [script, `${folder}/client`, app.origin]);
    assertEquals(said.trim().split("\n"), [
      "registered ada",
      "refused 401 INVALID_CREDENTIALS",
      "signed in ada",
      "me is ada by pwd",
      "sessions 2",
      "refreshed to generation 1",
      "signed out True",
      "refused 401 SESSION_REVOKED",
    ]);
    assert((await Deno.readTextFile(`${folder}/client/README.md`)).includes("GET** /v1/me"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
