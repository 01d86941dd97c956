import process from "node:process";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";

/** Reads one line without showing it; from a pipe as well. @returns null when there is none, or after Ctrl-C */
export async function askForPassword(question: string): Promise<string | null> {
  const { stdin, stderr } = process;
  // With `terminal` the terminal's own echo is off, and what would be shown instead goes nowhere.
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: stdin, output, terminal: stdin.isTTY });
  const line = new Promise<string | null>((resolve) => {
    lines.once("line", resolve);
    lines.once("close", () => resolve(null));
  });
  // Not before: what is typed at once would show.
  stderr.write(question);
  try {
    return await line;
  } finally {
    lines.close();
    stderr.write("\n");
  }
}
