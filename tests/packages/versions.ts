/** What the packages are tried with, beside what the import map pins. */
export const versions = {
  oldestTypescript: "5.7.3",
  newestTypescript: "7.0.2",
  vite: "8.3.8",
  publint: "0.3.25",
  attw: "0.18.5",
  nodeTypes: "20.19.43",
  /** The lowest and the newest of each that the packages are promised for. */
  oldestNode: "20.0.0",
  newestNode: "26.10.0",
  bun: "1.4.5",
  oldestZod: "4.0.0",
  trpc: ["11.18.0", "11.19.0", "11.22.1", "11.25.2"],
} as const;

/** The tRPC that the workspace itself is on. */
export const newestTrpc = versions.trpc[3];
