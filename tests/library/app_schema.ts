import { integer, pgTable, serial, text, uuid } from "drizzle-orm/pg-core";
import { users } from "@watchword/server/schema";

/** One row a user, as an app adds columns of its own. */
export const profiles = pgTable("profiles", {
  userId: uuid("user_id").primaryKey().references(() => users.id, { onDelete: "cascade" }),
  displayName: text("display_name").notNull(),
  signInCount: integer("sign_in_count").notNull().default(0),
});

export const todos = pgTable("todos", {
  id: serial("id").primaryKey(),
  ownerId: uuid("owner_id").notNull().references(() => users.id, { onDelete: "cascade" }),
  title: text("title").notNull(),
});
