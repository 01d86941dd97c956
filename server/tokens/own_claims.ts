import { reservedClaimNames, type User } from "@watchword/shared";
import type { z } from "zod";

/** An app's own claims: one schema, enforced when a token is made and when it is read. */
export interface OwnClaims<Claims extends z.ZodObject = z.ZodObject> {
  schema: Claims;
  /** Called for every token that is made, after the database has answered. */
  make: (user: Pick<User, "id" | "roles">) => z.input<Claims> | Promise<z.input<Claims>>;
}

/** Makes and reads an app's own claims. */
export interface OwnClaimsCodec {
  make(user: Pick<User, "id" | "roles">): Promise<Record<string, unknown>>;
  /** Null when they do not fit the present schema: the token is from before a change of it. */
  parse(own: Record<string, unknown>): Record<string, unknown> | null;
}

/**
 * Checks an app's claims once, at the start.
 *
 * @throws when the schema has a reserved name
 */
export function createOwnClaimsCodec(claims: OwnClaims | undefined): OwnClaimsCodec {
  if (claims === undefined) return { make: () => Promise.resolve({}), parse: () => ({}) };
  const { schema, make } = claims;
  const reserved = Object.keys(schema.shape).filter((name) => reservedClaimNames.has(name));
  if (reserved.length > 0) throw new Error(`claims must not be called ${reserved.join(", ")}`);
  return {
    // Strict, so that what `make` adds beside the schema is a bug that shows and not a claim.
    make: async (user) => await schema.strict().parseAsync(await make(user)),
    parse(own) {
      const parsed = schema.safeParse(own);
      return parsed.success ? parsed.data : null;
    },
  };
}
