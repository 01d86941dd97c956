/** The database did not answer, so nobody can know: always 503, never 401. */
export class DatabaseUnavailable extends Error {
  override readonly name = "DatabaseUnavailable";
}

// Connection exceptions, resources, operator intervention, lock and statement timeouts, deadlock, serialization,
// start-up and shutdown (PostgreSQL, appendix A), and the driver's and the socket's own names.
const unavailableCodes =
  /^(?:08...|53...|57P0[1-5]|57014|55P03|25006|25P0[34]|58...|40001|40P01|CONNECT(?:ION)?_[A-Z_]+|E(?:CONN[A-Z]+|PIPE|HOSTUNREACH|NETUNREACH|TIMEDOUT|NOTFOUND|AI_AGAIN))$/;
// The credentials are wrong, or the role may not connect: an operator's problem, but still "cannot know".
const refusedCodes = /^(?:28...|3D000)$/;

/** Tells whether an error means "the database is out of reach or too busy". Looks through Drizzle's wrapper. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof DatabaseUnavailable) return true;
  const code = "code" in error ? error.code : undefined;
  if (typeof code === "string" && (unavailableCodes.test(code) || refusedCodes.test(code))) return true;
  if (error instanceof AggregateError && error.errors.some(isDatabaseUnavailable)) return true;
  return isDatabaseUnavailable(error.cause);
}

/** Tells whether a statement named a table that is not there. Looks through Drizzle's wrapper. */
export function isTableMissing(error: unknown): boolean {
  return error instanceof Error &&
    (("code" in error && error.code === "42P01") || isTableMissing(error.cause));
}
