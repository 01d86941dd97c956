/** The little of the DOM that the page needs. The library's own types would change what the server's files mean. */
interface Element {
  textContent: string | null;
  dataset: Record<string, string>;
  replaceChildren(...children: Element[]): void;
}
interface Registration {
  active: { postMessage(message: unknown, transfer: unknown[]): void } | null;
}
interface Dom {
  document: {
    documentElement: Element;
    createElement(name: string): Element;
    getElementById(id: string): Element | null;
  };
  navigator: {
    serviceWorker: {
      register(url: string, options: { type: "module" }): Promise<Registration>;
      ready: Promise<Registration>;
    };
  };
}

/** The window of this page. */
export const dom = globalThis as unknown as Dom;
