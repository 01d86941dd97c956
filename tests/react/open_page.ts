import * as React from "react";
import type { ReactNode } from "react";
import type { Root } from "react-dom/client";
import { JSDOM } from "jsdom";
import type { ReactBundle } from "./bundle_react.ts";

/** A page in a DOM, and what React has complained about. */
export interface Page extends AsyncDisposable {
  /** What is on the screen. */
  text(): string;
  /** React's warnings and errors, mismatches of a hydration included. */
  complaints: string[];
  /** Lets something happen and everything that follows from it be rendered. */
  act<T>(happen: () => T | Promise<T>): Promise<T>;
  show(element: ReactNode): Promise<void>;
  /** Presses the button with this id. */
  press(id: string): Promise<void>;
  /** What a browser does when a tab gets the focus back. */
  focus(): Promise<void>;
}

interface PageOptions {
  /** What a server rendered: it is hydrated. */
  html?: string;
  /** @default true */
  isStrict?: boolean;
  /** @default the installed one */
  react?: Pick<ReactBundle, "act" | "createElement" | "StrictMode" | "createRoot" | "hydrateRoot">;
}

interface DomElement extends Element {
  textContent: string | null;
  innerHTML: string;
  append(child: DomElement): void;
  remove(): void;
  click(): void;
}

interface Dom {
  Event: typeof Event;
  dispatchEvent(event: Event): void;
  document: {
    body: DomElement;
    createElement(name: string): DomElement;
    getElementById(id: string): DomElement | null;
    dispatchEvent(event: Event): void;
  };
}

// React looks for the DOM when it is loaded.
const { window }: { window: Dom } = new JSDOM("<!doctype html>", { url: "https://app.test/" });
// tRPC refuses to serve in what it takes for a browser.
Object.assign(window, { Deno });
Object.assign(globalThis, { window, document: window.document, IS_REACT_ACT_ENVIRONMENT: true });

/** Shows an element in the DOM, in React's strict mode unless asked otherwise. */
export async function openPage(element: ReactNode, options: PageOptions = {}): Promise<Page> {
  const { html, isStrict = true, react = { ...React, ...await import("react-dom/client") } } = options;
  const container = window.document.createElement("div");
  window.document.body.append(container);
  container.innerHTML = html ?? "";

  const complaints: string[] = [];
  const complain = (...parts: unknown[]) => void complaints.push(parts.map(String).join(" "));
  const { error, warn } = console;
  Object.assign(console, { error: complain, warn: complain });

  const wrap = (shown: ReactNode) => isStrict ? react.createElement(react.StrictMode, null, shown) : shown;
  let root: Root | undefined;
  await react.act(() => {
    if (html === undefined) {
      root = react.createRoot(container, { onRecoverableError: complain });
      root.render(wrap(element));
    } else root = react.hydrateRoot(container, wrap(element), { onRecoverableError: complain });
  });

  return {
    text: () => container.textContent ?? "",
    complaints,
    async act<T>(happen: () => T | Promise<T>): Promise<T> {
      let result: { value: T } | undefined;
      await react.act(async () => {
        result = { value: await happen() };
      });
      if (result === undefined) throw new Error("nothing happened");
      return result.value;
    },
    async press(id) {
      await react.act(() => window.document.getElementById(id)?.click());
    },
    async focus() {
      await react.act(() => {
        for (const type of ["blur", "focus", "pageshow", "online"]) {
          window.dispatchEvent(new window.Event(type));
          globalThis.dispatchEvent(new Event(type));
        }
        window.document.dispatchEvent(new window.Event("visibilitychange"));
        globalThis.dispatchEvent(new Event("visibilitychange"));
      });
    },
    async show(shown) {
      await react.act(() => root?.render(wrap(shown)));
    },
    async [Symbol.asyncDispose]() {
      await react.act(() => root?.unmount());
      container.remove();
      Object.assign(console, { error, warn });
    },
  };
}
