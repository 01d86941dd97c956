import { assertEquals } from "@std/assert";
import type postgres from "postgres";
import { password, type RawAnswer, type TestApp } from "../kit/app.ts";
import { dumpDatabase } from "./state.ts";

interface IssuedTokens {
  accessToken: string;
  refreshToken?: string;
}

/** Reads along with every answer, and looks for secrets where none may be. */
export interface LeakWatch {
  /** An app whose answers are read along with. */
  watch(app: TestApp): TestApp;
  /** Reads an answer that came another way. */
  readAnswer(path: string, answer: RawAnswer): void;
  /** Names tokens as secrets that were issued. */
  isIssued(tokens: IssuedTokens): void;
  /** Asserts that no answer was a 5xx, and that no secret is in an answer, a log line or a row. */
  assertNone(sql: postgres.Sql, logs: string[]): Promise<void>;
}

// Ids, thumbprints and fixed texts are all shorter: a longer run of these characters is a token or a part of one.
const tokenLike = /[A-Za-z0-9_-]{60,}/;
const refreshCookie = /^__Host-watchword_refresh=([^;]+)/;

/** Tokens that an answer issues, wherever they stand in it. */
function readIssued({ data, headers }: RawAnswer): string[] {
  const found = data?.tokens ?? data;
  const cookies = headers.getSetCookie().map((cookie) => refreshCookie.exec(cookie)?.[1]);
  return [found?.accessToken, found?.refreshToken, ...cookies].filter((text) => typeof text === "string");
}

/** Starts watching. Where a busy machine may put calls off, 503 is no fault. */
export function createLeakWatch({ mayPutOff = false } = {}): LeakWatch {
  const issued = new Set<string>();
  const faults: string[] = [];

  function readAnswer(path: string, answer: RawAnswer): void {
    const own = answer.status === 200 ? readIssued(answer) : [];
    for (const secret of own) issued.add(secret);
    const rest = own.reduce((text, secret) => text.replaceAll(secret, ""), answer.text);
    const where = `${path} answered ${answer.status}`;
    if (answer.status >= 500 && !(mayPutOff && answer.status === 503)) {
      faults.push(`${where}: ${answer.text}`);
    }
    if (tokenLike.test(rest) && !path.startsWith("/docs")) {
      faults.push(`${where} with a token: ${rest.slice(0, 500)}`);
    }
    if (answer.text.includes(password)) faults.push(`${where} with the password`);
    if (/"stack"|node_modules|at .*\.ts:\d/.test(answer.text)) faults.push(`${where} with a stack`);
  }

  return {
    readAnswer,
    watch: (app) => ({
      ...app,
      async call(path, options) {
        const answer = await app.call(path, options);
        readAnswer(path, answer);
        return answer;
      },
    }),
    isIssued({ accessToken, refreshToken }) {
      issued.add(accessToken);
      if (refreshToken !== undefined) issued.add(refreshToken);
    },
    async assertNone(sql, logs) {
      assertEquals(faults, []);
      const secrets = [...issued, ...Array.from(issued, (token) => token.split(".")[2] ?? token), password];
      const leakyLine = logs.find((line) =>
        tokenLike.test(line) || /bearer\s|authorization/i.test(line) || line.includes(password)
      );
      assertEquals(leakyLine, undefined, "a log line holds a secret");
      const dump = await dumpDatabase(sql);
      assertEquals(secrets.filter((secret) => dump.includes(secret)).length, 0, "secrets in the database");
    },
  };
}
