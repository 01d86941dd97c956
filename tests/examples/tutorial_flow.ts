/** One step of the flow: what was asked, and what it said. */
export type Step = readonly [step: string, outcome: string];

/** Where the two apps differ in what is sent and read. */
export interface Dialect {
  origin: string;
  /** In front of each path. */
  prefix: "" | "/v1";
  /** How the name is called at a login. */
  nameField: "username" | "identifier";
  /** Reads both tokens of a login. */
  readTokens(body: Body): { access: string; refresh: string };
  /** What a refresh is sent: the token is the bearer, or in the body. */
  refreshWith(token: string): { bearer?: string; body?: Body };
  /** Reads the access token of a refresh. */
  readRenewed(body: Body): string;
  /** Why something was refused. */
  readRefusal(body: Body): string;
  /** Lets the sign-in become old, where age counts. */
  letSignInAge(): Promise<void>;
}

// deno-lint-ignore no-explicit-any -- whatever came
type Body = any;

const username = "your_username";
const password = "correct horse battery";

/** Goes through the tutorials' flow by plain HTTP, as their curl lines do. */
export async function walkTutorial(dialect: Dialect): Promise<Step[]> {
  const steps: Step[] = [];

  async function ask(step: string, path: string, { method = "POST", bearer, body }: {
    method?: string;
    bearer?: string;
    body?: Body;
  } = {}): Promise<Body> {
    const response = await fetch(`${dialect.origin}${dialect.prefix}${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = await response.json();
    const refusal = response.ok ? "" : ` ${dialect.readRefusal(answer)}`;
    steps.push([step, `${response.status}${refusal}`]);
    return answer;
  }
  const askAs = (bearer: string) => ({ method: "GET", bearer });
  const credentials = (secret: string) => ({ [dialect.nameField]: username, password: secret });

  await ask("2. register", "/register", { body: { username, password } });
  await ask("2. register the same name", "/register", { body: { username, password } });
  await ask("3. log in with a wrong password", "/login", { body: credentials("not the password") });
  const first = dialect.readTokens(await ask("3. log in", "/login", { body: credentials(password) }));
  await ask("4. protected", "/protected", askAs(first.access));
  await ask("4. protected, without a token", "/protected", { method: "GET" });
  await ask("6. fresh, after a login", "/payout", { bearer: first.access });
  await dialect.letSignInAge();
  const renewed = dialect.readRenewed(
    await ask("5. refresh", "/token/refresh", dialect.refreshWith(first.refresh)),
  );
  await ask("5. protected, with the new token", "/protected", askAs(renewed));
  await ask("6. fresh, after a refresh", "/payout", { bearer: renewed });
  await ask("7. log out", "/logout", { bearer: renewed, ...(dialect.prefix === "" ? {} : { body: {} }) });
  await ask("7. protected, with that token", "/protected", askAs(renewed));
  await ask("7. refresh, after the logout", "/token/refresh", dialect.refreshWith(first.refresh));
  return steps;
}
