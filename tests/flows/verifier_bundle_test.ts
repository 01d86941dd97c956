import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { build, stop } from "esbuild";
import { registerUser, startTestApp } from "../kit/app.ts";
import { findBun } from "../hosts/host_process.ts";
import { feedToken } from "../kit/verifier.ts";

const MAX_KIB = 10;
const entry = fileURLToPath(import.meta.resolve("@watchword/server/verifier"));
const alias = { "@watchword/shared/limits": fileURLToPath(import.meta.resolve("@watchword/shared/limits")) };

/** All of the verifier in one file for any runtime. */
async function bundle(): Promise<{ code: Uint8Array<ArrayBuffer>; inputs: string[] }> {
  try {
    const { outputFiles, metafile } = await build({
      entryPoints: [entry],
      alias,
      bundle: true,
      minify: true,
      metafile: true,
      write: false,
      format: "esm",
      platform: "neutral",
      mainFields: ["module", "main"],
      conditions: ["import"],
      target: "es2022",
    });
    const [file] = outputFiles;
    if (file === undefined) throw new Error("nothing was built");
    return { code: new Uint8Array(file.contents), inputs: Object.keys(metafile.inputs) };
  } finally {
    await stop();
  }
}

const { code, inputs } = await bundle();

Deno.test(`the verifier has at most ${MAX_KIB} KiB, gzipped, with all that it needs`, async () => {
  const zipped = new Blob([code]).stream().pipeThrough(new CompressionStream("gzip"));
  const { byteLength } = await new Response(zipped).arrayBuffer();
  assert(byteLength <= MAX_KIB * 1_024, `${byteLength} bytes`);
});

Deno.test("the verifier brings jose along and no other package: no database, no framework, no schemas", () => {
  const packages = inputs.map((path) =>
    /node_modules\/((?:@[^/]+\/)?[^/@]+)\/(?!.*node_modules)/.exec(path)?.[1]
  );
  assertEquals(new Set(packages.filter((name) => name !== undefined)), new Set(["jose"]));
  assertEquals(inputs.filter((path) => /server\/(?:store|http|flows|observe)\//.test(path)), []);
  assert(
    !/\bfrom\s*"|\bimport\s*\(|\brequire\(/.test(new TextDecoder().decode(code)),
    "it imports at run time",
  );
});

const script = ({ file, origin, token }: { file: string; origin: string; token: string }) => `
  const { createVerifier } = await import(${JSON.stringify(file)});
  const [origin, token] = ${JSON.stringify([origin, token])};
  const verifier = createVerifier({
    issuer: "http://watchword.test",
    audience: "watchword",
    jwksUrl: origin + "/.well-known/jwks.json",
    revocations: { token: ${JSON.stringify(feedToken)}, url: origin + "/revocations" },
  });
  const say = async () => {
    const result = await verifier.verify("Bearer " + token);
    return result.status === "valid" ? "valid" : result.reason;
  };
  console.log(await say());
  const logout = { method: "POST", headers: { authorization: "Bearer " + token } };
  await fetch(origin + "/trpc/auth.logout", logout);
  for (let tries = 0; tries < 100 && await say() === "valid"; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  console.log(await say());
  await verifier.close();
`;

for (const [name, command] of [["Node", "node"], ["Bun", findBun()]] as const) {
  Deno.test(`the verifier as one file runs on ${name}, hears of a sign-out, and lets the process end`, async () => {
    await using app = await startTestApp({ revocationFeedToken: feedToken });
    const { tokens } = await registerUser(app);
    const folder = await Deno.makeTempDir({ prefix: "watchword-verifier-" });
    try {
      await Deno.writeFile(`${folder}/verifier.mjs`, code);
      await Deno.writeTextFile(
        `${folder}/main.mjs`,
        script({ file: "./verifier.mjs", origin: app.origin, token: tokens.accessToken }),
      );
      const { stdout, stderr } = await new Deno.Command(command, {
        args: [`${folder}/main.mjs`],
        stdout: "piped",
        stderr: "piped",
      }).output();
      const [said, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
      assertEquals([said, errors], ["valid\nSESSION_REVOKED\n", ""]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
