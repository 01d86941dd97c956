import ts from "typescript";
import { type Advice, codeOfStatus, isTerminalReason, type Reason, reasons } from "../shared/reasons.ts";
import { occasions } from "./error_occasions.ts";
import { findExports, readSource } from "./find_exports.ts";

const duties: Record<Advice, string> = {
  "refresh": "refresh, then send once more",
  "sign in": "sign in again",
  "fix input": "fix the input or the request",
  "ask user": "ask the user",
  "wait": "wait, then send again; never sign out",
  "report": "report the request id",
};

/** The string literals of a union, through the names that it refers to. */
function collectLiterals(type: ts.TypeNode, aliases: ReadonlyMap<string, ts.TypeNode>): string[] {
  if (ts.isUnionTypeNode(type)) return type.types.flatMap((one) => collectLiterals(one, aliases));
  if (ts.isLiteralTypeNode(type) && ts.isStringLiteral(type.literal)) return [type.literal.text];
  const alias = ts.isTypeReferenceNode(type) ? aliases.get(type.typeName.getText()) : undefined;
  if (alias === undefined) throw new Error(`no union of reasons: ${type.getText()}`);
  return collectLiterals(alias, aliases);
}

interface Origins {
  /** The reasons of each procedure of its own. */
  procedures: Map<string, string[]>;
  /** Those of any procedure, and those of a guard. */
  common: string[];
  guard: string[];
}

async function readOrigins(): Promise<Origins> {
  const aliases = new Map<string, ts.TypeNode>();
  const files = ["shared/reasons.ts", "shared/contract.ts"];
  for (const { statements } of await Promise.all(files.map(readSource))) {
    for (const one of statements.filter(ts.isTypeAliasDeclaration)) aliases.set(one.name.text, one.type);
  }
  const found = await findExports("shared/contract.ts", new Map());
  const declared = found.find(({ name }) => name === "ProcedureReasons")?.declarations.find(
    ts.isInterfaceDeclaration,
  );
  const procedures = new Map(
    declared?.members.filter(ts.isPropertySignature).map((member) => [
      (member.name as ts.StringLiteral).text,
      member.type ? collectLiterals(member.type, aliases) : [],
    ]),
  );
  const literalsOf = (name: string) => {
    const type = aliases.get(name);
    return type === undefined ? [] : collectLiterals(type, aliases);
  };
  return { procedures, common: literalsOf("CommonReason"), guard: literalsOf("GuardReason") };
}

const inCode = (text: string) => `\`${text}\``;

function listOrigins(reason: Reason, { procedures, common, guard }: Origins): string {
  if (common.includes(reason)) return "any procedure and route";
  const own = Array.from(procedures).filter(([, theirs]) => theirs.includes(reason)).map(([name]) =>
    inCode(`auth.${name}`)
  );
  const from = [...guard.includes(reason) ? ["any guarded procedure"] : [], ...own];
  return from.length > 0 ? from.join(", ") : "nothing of ours";
}

function describeReason(reason: Reason, origins: Origins): string {
  const { status, advice, message } = reasons[reason];
  const end = isTerminalReason(reason) ? " The session is over for good." : "";
  return [
    `### ${reason}`,
    `${status} ${codeOfStatus[status]}: “${message}”.${end}`,
    `- When: ${occasions[reason]}`,
    `- From: ${listOrigins(reason, origins)}`,
    `- A client should ${duties[advice]}.`,
  ].join("\n").replace("\n", "\n\n").replace("\n-", "\n\n-");
}

/** Builds the page of every reason. */
export async function createErrorsPage(): Promise<string> {
  const origins = await readOrigins();
  const all = Object.keys(reasons) as Reason[];
  const list = (names: readonly string[]) =>
    names.map((name) => `[${inCode(name)}](#${name.toLowerCase()})`).join(", ");
  const procedures = Array.from(
    origins.procedures,
    ([name, own]) => `- ${inCode(`auth.${name}`)}: ${list(own)}`,
  );
  return `# Errors

Made by \`deno task docs\` from \`shared/reasons.ts\` and \`shared/contract.ts\`.

Every refusal has one reason of a closed list. Over tRPC it is \`error.data.auth\`:

- \`reason\`: one of those below.
- \`executed\`: \`false\` promises that the call was refused before the procedure's own code and changed nothing. Only
  then is a mutation safe to send again without a look.
- \`retryAfterSeconds\`: with 429 and 503, in whole seconds; the same as the header \`Retry-After\`.
- \`maxAgeSeconds\`: with \`STEP_UP_REQUIRED\`.

\`error.data.requestId\` finds the call in the log. Over REST the same is a problem document (RFC 9457) with \`reason\`
and \`requestId\`. The client reads a reason with \`authReason(error)\`; its own errors, where no answer came, are
[\`AuthClientErrorCode\`](reference.md#authclienterrorcode). It refreshes and sends again by itself, so an app sees a
reason to refresh only without a session, or when the second try was refused too.

## By procedure

Beside ${list(origins.common)}, which any may answer:

${procedures.join("\n")}

A guard in front of your own procedure adds ${list(origins.guard)}.

## By reason

${all.map((reason) => describeReason(reason, origins)).join("\n\n")}
`;
}
