import { reservedClaimNames, type User } from "@watchword/shared";
import type { z } from "zod";
import { finishWithin } from "../finish_within.ts";

/** An app's own claims: one schema, enforced when a token is made and when it is read. */
export interface OwnClaims<Claims extends z.ZodObject = z.ZodObject> {
  schema: Claims;
  /**
   * Called for every token that is made, once the session is committed. It has one second, then the answer is
   * `UNAVAILABLE`; what it throws is `INTERNAL`. A client that comes back gets its token then.
   */
  make: (user: Pick<User, "id" | "roles">) => z.input<Claims> | Promise<z.input<Claims>>;
}

const MAKE_MAX_MS = 1_000;

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
    make: async (user) => await schema.strict().parseAsync(await finishWithin(MAKE_MAX_MS, () => make(user))),
    parse(own) {
      const parsed = schema.safeParse(own);
      return parsed.success ? parsed.data : null;
    },
  };
}
