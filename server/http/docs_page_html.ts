/** Markup that is safe as it stands. */
export interface Html {
  readonly markup: string;
}

type Value = string | number | Html | readonly Html[];

const entities: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function toMarkup(value: Value): string {
  if (typeof value === "object") return "markup" in value ? value.markup : value.map(toMarkup).join("");
  return String(value).replaceAll(/[&<>"']/g, (character) => entities[character] ?? "");
}

/** Markup from a template: text that is put in is escaped, markup is not. */
export function html(strings: TemplateStringsArray, ...values: Value[]): Html {
  return { markup: String.raw({ raw: strings }, ...values.map(toMarkup)) };
}

/** Text in which `code` stands between backticks. */
export function prose(text: string): Html {
  return html`${
    text.split("`").map((part, index) => index % 2 === 0 ? html`${part}` : html`<code>${part}</code>`)
  }`;
}
