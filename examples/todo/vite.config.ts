import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

// Only inside Watchword's own repository: yours has its packages in node_modules.
const workspace: Plugin = {
  name: "workspace",
  resolveId: (id) => id.startsWith("@watchword/") ? fileURLToPath(import.meta.resolve(id)) : null,
};

// Vite asks for a default export.
export default defineConfig({
  plugins: [react(), workspace],
  cacheDir: "node_modules/.vite",
  server: { proxy: { "/trpc": "http://127.0.0.1:8000" } },
});
