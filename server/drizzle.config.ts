import { defineConfig } from "drizzle-kit";

// Drizzle Kit asks for a default export: the house's one exception.
export default defineConfig({
  dialect: "postgresql",
  schema: "./server/store/schema.ts",
  out: "./migrations",
});
