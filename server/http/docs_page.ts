import { createHash } from "node:crypto";
import { type Html, html, prose } from "./docs_page_html.ts";
import { renderOperations, renderReasons, renderSchemas } from "./docs_page_reference.ts";
import { docsPageStyle } from "./docs_page_style.ts";
import { differences, type Tutorial, tutorials, type TutorialStep } from "./docs_page_tutorials.ts";
import type { OpenApi } from "./openapi.ts";

const styleHash = createHash("sha256").update(docsPageStyle).digest("base64");

/** Lets the page have its own style, and nothing else of anywhere. */
export const docsPagePolicy =
  `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** Renders `/docs`. @param origin where the service is reached */
export function renderDocsPage(openapi: OpenApi, origin: string): string {
  return html`
    <!doctype html>
    <html lang="en">
      <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Watchword: REST</title>
    ${{ markup: `<style>${docsPageStyle}</style>` }}
      </head>
      <body>
        <header>
          <h1>Watchword: REST</h1>
          <p>The same procedures as over tRPC, with the same guards and limits, for any language. A machine reads
    <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1).</p>
          <nav>
            <ul>
              <li><a href="#rules">Rules</a></li>
              <li><a href="#tutorials">From Flask</a></li>
              <li><a href="#differences">What differs</a></li>
              <li><a href="#operations">Operations</a></li>
              <li><a href="#schemas">Schemas</a></li>
              <li><a href="#reasons">Reasons</a></li>
            </ul>
          </nav>
        </header>
        <main>
    <h2 id="rules">Rules</h2>
    <p>The service is at <code>${origin}</code>. A body is <code>application/json</code>, at most 16 KiB, and has no field
    that its route does not name. Success is the answer itself, without an envelope.</p>
    <p>A refusal is <code>application/problem+json</code> (RFC 9457): its <code>reason</code> is one of the
    <a href="#reasons">closed list</a>, its <code>requestId</code> finds it in the log, and <code>retryAfterSeconds</code>
    says how long to wait.</p>
    <p>A browser keeps the refresh token out of reach of scripts in <em>cookie mode</em>: every request has the header
    <code>X-Watchword-Mode: cookie</code>, comes from an origin in <code>ALLOWED_ORIGINS</code>, and sends its cookies. The refresh token is
    then in a cookie and in no body.</p>

    <h2 id="tutorials">From Flask, step by step</h2>
    <p>The steps of three Flask-JWT-Extended tutorials, in their order, each beside its counterpart.
    <code>/v1/me</code> plays their <code>/protected</code>. Put in the tokens that you were given for
    <code>your_access_token</code> and <code>your_refresh_token</code>.</p>
    ${tutorials.map((tutorial) => renderTutorial(tutorial, origin))}

    <h2 id="differences">What differs</h2>
    <table class="differences">
    <thead><tr><th></th><th>in the tutorials</th><th>here</th></tr></thead>
    <tbody>${differences.map(renderDifferences)}</tbody>
    </table>

    <h2 id="operations">Operations</h2>
    ${renderOperations(openapi)}

    <h2 id="schemas">Schemas</h2>
    ${renderSchemas(openapi)}

    <h2 id="reasons">Reasons</h2>
    <p>Fixed texts: none of them depends on what was sent.</p>
    ${renderReasons()}
        </main>
      </body>
    </html>
  `.markup;
}

function renderTutorial({ title, steps }: Tutorial, origin: string): Html {
  return html`
    <h3>“${title}”</h3>
    <ol class="steps">${steps.map((step) => renderStep(step, origin))}</ol>
  `;
}

function renderStep({ title, theirs, theirAnswer, ours, note }: TutorialStep, origin: string): Html {
  const here = typeof ours === "string" ? html`<pre>${ours}</pre>` : ours.map(({ command, answer }) =>
    html`
      <pre class="run">${command.replaceAll("ORIGIN", origin)}</pre>
      <pre class="answer">${answer}</pre>
    `
  );
  return html`
    <li>
    <h4>${title}</h4>
    <div><p class="side">tutorial</p><pre>${theirs}</pre>${theirAnswer === undefined
      ? ""
      : html`<pre class="answer">${theirAnswer}</pre>`}</div>
    <div><p class="side">here</p>${here}</div>
    ${note === undefined ? "" : html`<p class="note">${prose(note)}</p>`}
    </li>
  `;
}

function renderDifferences({ of, rows }: (typeof differences)[number]): Html {
  return html`
    <tr>
      <th colspan="3">${of}</th>
    </tr>${rows.map(([what, theirs, ours]) =>
      html`
        <tr>
          <td>${what}</td>
          <td data-side="tutorial: ">${prose(theirs)}</td>
          <td data-side="here: ">${prose(ours)}</td>
        </tr>
      `
    )}
  `;
}
