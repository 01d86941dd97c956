import { b64u } from "./forge.ts";

/** The thumbprint of an Ed25519 public key (RFC 7638, RFC 8037 §2): what a `kid` is. */
export async function calculateThumbprint(
  { crv, kty, x }: { crv: string; kty: string; x: string },
): Promise<string> {
  const canonical = new TextEncoder().encode(JSON.stringify({ crv, kty, x }));
  return b64u(new Uint8Array(await crypto.subtle.digest("SHA-256", canonical)));
}
