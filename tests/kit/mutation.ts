import { dirname } from "node:path";
/** A safeguard taken out of a copy of the product, so that a test can be seen to notice. */
export interface Mutant {
  name: string;
  file: string;
  /** Texts that stand in the file exactly once, and what takes their place. */
  changes: [from: string, to: string][];
}

export const root = new URL("../../", import.meta.url).pathname;

/** What of a mutant does not stand in its file exactly once. A house test holds this empty. */
export async function findStale({ name, file, changes }: Mutant, folder = root): Promise<string[]> {
  const text = await Deno.readTextFile(`${folder}/${file}`);
  return changes.filter(([from]) => text.split(from).length !== 2).map(([from]) =>
    `${name}: ${file}: ${from}`
  );
}

/** Runs a command to its end; both of its streams in one text. */
export async function runCommand(
  command: string,
  args: string[],
  options: Deno.CommandOptions,
): Promise<{ success: boolean; output: string }> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, ...options }).output();
  const decoder = new TextDecoder();
  return { success, output: decoder.decode(stdout) + decoder.decode(stderr) };
}

/** Copies files and folders of the project to a folder of their own, with its packages. */
export async function copyProject(names: readonly string[]): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "watchword-mutant-" });
  for (const name of names) {
    await Deno.mkdir(dirname(`${path}/${name}`), { recursive: true });
    const { success, output } = await runCommand("cp", ["-rL", `${root}${name}`, `${path}/${name}`], {});
    if (!success) throw new Error(output);
  }
  await Deno.symlink(`${root}node_modules`, `${path}/node_modules`);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Changes a copy. @throws when the mutant does not fit the code any more */
export async function mutate(folder: string, mutant: Mutant): Promise<void> {
  const stale = await findStale(mutant, folder);
  if (stale.length > 0) throw new Error(stale.join("\n"));
  let text = await Deno.readTextFile(`${folder}/${mutant.file}`);
  for (const [from, to] of mutant.changes) text = text.replace(from, () => to);
  await Deno.writeTextFile(`${folder}/${mutant.file}`, text);
}

/**
 * Tries the mutants that were asked for by name; without a name all of them, and the product itself first: what it
 * does not hold, a mutant cannot be told by.
 *
 * @param tryOut tells whether it went as it should
 */
export async function tryMutants<M extends Mutant>(
  mutants: readonly M[],
  tryOut: (mutant: M | null) => Promise<boolean>,
): Promise<never> {
  const chosen = mutants.filter(({ name }) => Deno.args.includes(name));
  const tried = Deno.args.length > 0 ? chosen : [null, ...mutants];
  let isAsExpected = tried.length > 0;
  for (const mutant of tried) isAsExpected = await tryOut(mutant) && isAsExpected;
  Deno.exit(isAsExpected ? 0 : 1);
}
