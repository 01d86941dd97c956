/** One step of a walk: the file, the function of it that runs, and what it does there. */
export interface Hop {
  file: string;
  /** Null where the function has no name: then anything of the file must have run. */
  runs: string | null;
  does: string;
}

/** What happens on the way of one call, in the order of reading. */
export interface Walk {
  title: string;
  hops: Hop[];
}

const edge: Hop[] = [
  {
    file: "server/http/handler.ts",
    runs: "route",
    does: "matches path and method; every answer leaves here",
  },
  {
    file: "server/http/serve_trpc.ts",
    runs: "requireBounded",
    does: "bounds body and batch, hands over to tRPC",
  },
];

/** The three walks of the README, at most seven files each. */
export const walks = {
  login: {
    title: "login: POST /trpc/auth.login",
    hops: [
      ...edge,
      { file: "server/router.ts", runs: null, does: "the stanza of auth.login: input, output, flow" },
      { file: "server/flows/session/login.ts", runs: "login", does: "limits, then user, password, session" },
      { file: "server/passwords/passwords.ts", runs: "verify", does: "Argon2id, under a permit" },
      {
        file: "server/flows/_private.ts",
        runs: "openSession",
        does: "one transaction, then signs the tokens",
      },
      {
        file: "server/store/sessions.ts",
        runs: "insertSession",
        does: "the session's row, with the token's hash",
      },
    ],
  },
  protectedCall: {
    title: "a protected call: GET /trpc/whoami, built on protectedProcedure",
    hops: [
      ...edge,
      {
        file: "server/http/fast_query.ts",
        runs: "answerPlainQuery",
        does: "runs one query by tRPC's own caller",
      },
      { file: "server/trpc.ts", runs: null, does: "the middleware that guards, the one error boundary" },
      { file: "server/guard.ts", runs: "identify", does: "turns a request into an identity, or refuses it" },
      { file: "server/tokens/access_token.ts", runs: "verify", does: "shape, key, signature, claims" },
      {
        file: "server/denylist/denylist.ts",
        runs: "isDenied",
        does: "asks Postgres, in a look-up shared by all who wait",
      },
    ],
  },
  refresh: {
    title: "a refresh: POST /trpc/auth.refresh",
    hops: [
      ...edge,
      { file: "server/router.ts", runs: null, does: "the stanza of auth.refresh" },
      {
        file: "server/flows/session/refresh.ts",
        runs: "refresh",
        does: "the hot path; the decision table below it",
      },
      { file: "server/tokens/refresh_token.ts", runs: "mintNext", does: "derives the one successor" },
      {
        file: "server/store/sessions.ts",
        runs: "rotateSession",
        does: "one UPDATE: Postgres decides every race",
      },
      { file: "server/flows/_private.ts", runs: "issueTokens", does: "signs the new access token" },
    ],
  },
} satisfies Record<string, Walk>;

/** What ran: the names of functions, by file. */
export type Ran = ReadonlyMap<string, ReadonlySet<string>>;

/** The hops of a walk that did not happen. */
export function findMissing({ hops }: Walk, ran: Ran): Hop[] {
  return hops.filter(({ file, runs }) => runs === null ? !ran.has(file) : !ran.get(file)?.has(runs));
}
