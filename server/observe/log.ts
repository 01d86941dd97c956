// deno-lint-ignore-file no-console -- the one place that prints
/** Severity, least first. */
export const logLevels = ["debug", "info", "warn", "error"] as const;
/** One of {@link logLevels}. */
export type LogLevel = typeof logLevels[number];
/** What a line may hold: ids, reasons, counts. Never a token, a password, or free text of a request. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** One JSON line an event. */
export type Log = Record<LogLevel, (event: string, fields?: LogFields) => void>;

/** Writes lines of at least `level`. JSON escapes line breaks and control characters, so no field can forge a line. */
export function createLog(level: LogLevel, write: (line: string) => void = console.log): Log {
  const at = (lineLevel: LogLevel) => (event: string, fields: LogFields = {}) => {
    if (logLevels.indexOf(lineLevel) < logLevels.indexOf(level)) return;
    try {
      write(JSON.stringify({ time: new Date().toISOString(), level: lineLevel, event, ...fields }));
    } catch {
      // A log that cannot be written must not fail the request.
    }
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** The stack of a bug, for the log. The message is left out: Drizzle puts SQL parameters into it. */
export function describeBug(error: unknown): LogFields {
  if (!(error instanceof Error)) return { name: typeof error };
  const frames = (error.stack ?? "").split("\n").filter((line) => line.startsWith("    at ")).join("\n");
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  const cause = error.cause instanceof Error ? describeBug(error.cause) : undefined;
  return { name: error.name, code, stack: frames, causeName: cause?.["name"], causeCode: cause?.["code"] };
}

/** Writes one plain line for a person to read. */
export function print(line: string): void {
  console.log(line);
}
