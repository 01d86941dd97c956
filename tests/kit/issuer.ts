import { createVerifier, type Verifier, type VerifierOptions } from "@watchword/server/verifier";
import { b64u, joinParts } from "../attacks/forge.ts";
import { type TestClock, testClock } from "./clock.ts";

interface IssuerKey {
  jwk: { kty: string; crv: string; x: string; kid: string; alg: string; use: string };
  /** A genuine access token under this key. */
  token(): Promise<string>;
}

/** A key set on a server of its own, that does whatever a test wants, and keys to sign with. */
export interface Issuer extends AsyncDisposable {
  origin: string;
  clock: TestClock;
  /** Paths asked for so far. */
  requests: string[];
  /** What it answers. Starts as `publish([])`. */
  answer: (request: Request) => Response | Promise<Response>;
  /** Answers with these keys from now on. */
  publish(keys: readonly unknown[], headers?: Record<string, string>): void;
  makeKey(kid?: string): Promise<IssuerKey>;
  verifier(options?: Partial<VerifierOptions>): Verifier;
}

const ISSUER = "http://watchword.test";

/** Starts it on the loopback address. */
export async function startIssuer(): Promise<Issuer> {
  const clock = testClock();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    issuer.requests.push(new URL(request.url).pathname);
    return issuer.answer(request);
  });
  const issuer: Issuer = {
    origin: `http://127.0.0.1:${server.addr.port}`,
    clock,
    requests: [],
    answer: () => Response.json({ keys: [] }),
    publish(keys, headers = { "cache-control": "public, max-age=300" }) {
      issuer.answer = () => Response.json({ keys }, { headers });
    },
    async makeKey(kid = crypto.randomUUID()) {
      const pair = await crypto.subtle.generateKey({ name: "Ed25519" }, true, ["sign", "verify"]);
      const { privateKey, publicKey } = pair as CryptoKeyPair;
      const { x = "" } = await crypto.subtle.exportKey("jwk", publicKey);
      return {
        jwk: { kty: "OKP", crv: "Ed25519", x, kid, alg: "Ed25519", use: "sig" },
        async token() {
          const iat = Math.floor(clock.now().getTime() / 1_000);
          const input = joinParts({ alg: "Ed25519", typ: "at+jwt", kid }, {
            iss: ISSUER,
            aud: "watchword",
            sub: crypto.randomUUID(),
            client_id: "watchword",
            iat,
            exp: iat + 600,
            jti: crypto.randomUUID(),
            sid: crypto.randomUUID(),
            ep: 0,
            auth_time: iat,
            amr: ["pwd"],
            roles: [],
          });
          const signature = await crypto.subtle.sign("Ed25519", privateKey, new TextEncoder().encode(input));
          return `${input}.${b64u(new Uint8Array(signature))}`;
        },
      };
    },
    verifier: (options = {}) =>
      createVerifier({
        issuer: ISSUER,
        audience: "watchword",
        jwksUrl: `${issuer.origin}/.well-known/jwks.json`,
        clock,
        ...options,
      }),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
  await Promise.resolve();
  return issuer;
}
