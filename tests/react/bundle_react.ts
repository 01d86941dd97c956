import type * as React from "react";
import type * as ReactDOMClient from "react-dom/client";
import type * as ReactDOMServer from "react-dom/server";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type BuildOptions, stop } from "esbuild";
import type * as Hooks from "@watchword/client/react";

/** React of one major version, and our hooks over it. */
export type ReactBundle =
  & Pick<typeof React, "act" | "createElement" | "StrictMode" | "useState">
  & Pick<typeof ReactDOMClient, "createRoot" | "hydrateRoot">
  & Pick<typeof ReactDOMServer, "renderToString">
  & typeof Hooks;

const folders = {
  react: import.meta.resolve("react"),
  "react-dom": import.meta.resolve("react-dom"),
  "react-18": import.meta.resolve("react-18"),
  "react-dom-18": import.meta.resolve("react-dom-18"),
};
const hooks = fileURLToPath(import.meta.resolve("../../client/react.ts"));

/** Bundles in memory. */
export async function bundle(options: BuildOptions): Promise<string> {
  try {
    const { outputFiles } = await build({
      bundle: true,
      format: "esm",
      write: false,
      logLevel: "silent",
      ...options,
    });
    return outputFiles?.[0]?.text ?? "";
  } finally {
    await stop();
  }
}

/** Bundles our hooks with a version of React, so that the same tests run over each. */
export async function bundleReact(version: 18 | 19): Promise<ReactBundle> {
  const suffix = version === 18 ? "-18" : "";
  const folderOf = (name: "react" | "react-dom") =>
    dirname(fileURLToPath(folders[`${name}${suffix}` as keyof typeof folders]));
  const text = await bundle({
    stdin: {
      contents: `
        export { act, createElement, StrictMode, useState, version } from "react";
        export { createRoot, hydrateRoot } from "react-dom/client";
        export { renderToString } from "react-dom/server.browser";
        export * from ${JSON.stringify(hooks)};`,
      resolveDir: dirname(hooks),
    },
    alias: { react: folderOf("react"), "react-dom": folderOf("react-dom") },
    define: { "process.env.NODE_ENV": '"development"' },
    platform: "browser",
  });
  const loaded = await import(`data:text/javascript;base64,${toBase64(text)}`);
  if (!String(loaded.version).startsWith(`${version}.`)) throw new Error(`this is React ${loaded.version}`);
  return loaded;
}

function toBase64(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(""));
}
