import { type Reason, reasons } from "@watchword/shared";
import { type Html, html } from "./docs_page_html.ts";
import type { OpenApi } from "./openapi.ts";
import type { JsonSchema } from "./rest_schemas.ts";

interface Operation {
  operationId: string;
  summary?: string;
  security: Record<string, unknown>[];
  parameters?: { name: string; in: string; required?: boolean; schema: JsonSchema }[];
  requestBody?: { content: Record<string, { schema: JsonSchema }> };
  responses: Record<
    string,
    { content?: Record<string, { schema: JsonSchema & { properties?: ReasonProperty } }> }
  >;
}

interface ReasonProperty {
  reason?: { enum: Reason[] };
}

const advice: Record<(typeof reasons)[Reason]["advice"], string> = {
  "refresh": "refresh, then send once more",
  "sign in": "sign in again",
  "fix input": "fix the request",
  "ask user": "ask the user",
  "wait": "wait, then send again; never sign out",
  "report": "report the request id",
};

/** Every operation of the document. */
export function renderOperations({ paths }: OpenApi): Html[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) =>
      renderOperation(`${method.toUpperCase()} ${path}`, operation as unknown as Operation)
    )
  );
}

function renderOperation(title: string, operation: Operation): Html {
  const { operationId, summary = "", parameters = [], requestBody, responses } = operation;
  const body = requestBody?.content["application/json"]?.schema;
  const [status = "", success] = Object.entries(responses).find(([code]) => code < "300") ?? [];
  const answer = success?.content?.["application/json"]?.schema;
  const refusals = Object.values(responses).flatMap(({ content }) =>
    content?.["application/problem+json"]?.schema.properties?.reason?.enum ?? []
  );
  return html`
    <article id="${operationId}">
      <h3><code>${title}</code></h3>
      <p>${summary}.</p>
      <dl>
    <dt>caller</dt><dd>${describeCaller(operation.security)}</dd>
    ${parameters.map(({ name, in: place, schema }) =>
      html`
        <dt>${place}</dt>
        <dd><code>${name}</code> ${renderType(schema)}</dd>
      `
    )}
    ${body
      ? html`
        <dt>body</dt>
        <dd>${renderType(body)}</dd>
      `
      : html``}
    <dt>${status}</dt><dd>${answer ? renderType(answer) : success?.content ? html`JSON` : html`nothing`}</dd>
    <dt>refusals</dt><dd class="reasons">${refusals.map((reason) =>
      html`
        <a href="#${reason}"><code>${reason}</code></a>
      `
    )}</dd>
      </dl>
    </article>
  `;
}

function describeCaller(security: Record<string, unknown>[]): string {
  const ways = security.map((way) => Object.keys(way)[0] ?? "none");
  if (ways.length === 0) return "anyone";
  const names: Record<string, string> = {
    bearer: "an access token",
    refreshCookie: "the refresh cookie",
    none: security.some((way) => "refreshCookie" in way)
      ? "a refresh token in the body"
      : "nobody in particular",
  };
  return ways.map((way) => names[way] ?? way).join(", or ");
}

/** Every schema of the document. */
export function renderSchemas({ components }: OpenApi): Html[] {
  return Object.entries(components.schemas).map(([name, schema]) =>
    html`
      <article id="schema-${name}">
      <h3><code>${name}</code></h3>
      ${renderSchema(schema)}
      </article>
    `
  );
}

function renderSchema(schema: JsonSchema): Html {
  const fields = Object.entries(schema.properties ?? {});
  if (fields.length === 0) return html`<p>${renderType(schema)}</p>`;
  return html`<dl>${
    fields.map(([name, field]) =>
      html`
        <dt><code>${name}</code>${schema.required?.includes(name) ? "" : html`
          <i>optional</i>
        `}</dt>
        <dd>${renderType(typeof field === "object" ? field : {})}</dd>
      `
    )
  }</dl>`;
}

function renderType(schema: JsonSchema): Html {
  const name = schema.$ref?.split("/").at(-1);
  if (name !== undefined) return html`<a href="#schema-${name}">${name}</a>`;
  const options = schema.oneOf ?? schema.anyOf;
  if (options) return joinHtml(options.map(renderType), " or ");
  if (schema.const !== undefined) return html`<code>${JSON.stringify(schema.const)}</code>`;
  if (schema.enum) return html`<code>${schema.enum.map((value) => JSON.stringify(value)).join(" | ")}</code>`;
  if (schema.type === "array" && typeof schema.items === "object" && !Array.isArray(schema.items)) {
    return html`list of ${renderType(schema.items)}`;
  }
  const fields = Object.entries(schema.properties ?? {});
  if (fields.length > 0) {
    return html`{ ${
      joinHtml(
        fields.map(([field, inner]) =>
          html`<code>${field}</code>: ${renderType(typeof inner === "object" ? inner : {})}`
        ),
        ", ",
      )
    } }`;
  }
  return html`${[schema.type ?? "anything"].flat().join(" or ")}${describeBounds(schema)}`;
}

function describeBounds({ format, minLength, maxLength, pattern }: JsonSchema): string {
  const length = maxLength === undefined ? "" : `, ${minLength ?? 0} to ${maxLength} characters`;
  return `${format ? `, ${format}` : ""}${length}${pattern ? `, ${pattern}` : ""}`;
}

function joinHtml(parts: Html[], separator: string): Html {
  return html`${parts.map((part, index) => index === 0 ? part : html`${separator}${part}`)}`;
}

/** Every reason, with what to do. */
export function renderReasons(): Html {
  return html`
    <div class="wide">
      <table>
        <thead>
          <tr>
            <th>reason</th>
            <th>status</th>
            <th>title</th>
            <th>what to do</th>
          </tr>
        </thead>
        <tbody class="list">${Object.entries(reasons).map(([reason, spec]) =>
          html`
            <tr id="${reason}">
              <td><code>${reason}</code></td>
              <td>${spec.status}</td>
              <td>${spec.message}</td>
              <td data-side="→ ">${advice[spec.advice]}</td>
            </tr>
          `
        )}
        </tbody>
      </table>
    </div>
  `;
}
