import { connect } from "../../server/store/connect.ts";
import { listSigningKeys } from "../../server/store/signing_keys.ts";
import { createAccessTokens } from "../../server/tokens/access_token.ts";
import { deriveAesKey } from "../../server/tokens/derive_key.ts";
import { createKeyRing } from "../../server/tokens/key_ring.ts";
import { createOwnClaimsCodec } from "../../server/tokens/own_claims.ts";
import { SIGNING_KEY_LABEL } from "../../server/create_auth.ts";
import { type TestApp, testSecret } from "../kit/app.ts";
import { testClock } from "../kit/clock.ts";

/** An access token as the service makes it, without a sign-in and its hash. */
export interface MintedToken {
  sessionId: string;
  accessToken: string;
}

/** Makes genuine access tokens for sessions that were never opened, to have thousands of them. */
export async function mintAccessTokens(
  { database }: TestApp,
  { userId, count, lifetimeSeconds = 600 }: { userId: string; count: number; lifetimeSeconds?: number },
): Promise<MintedToken[]> {
  const store = connect({ databaseUrl: database.url, poolSize: 1 });
  try {
    const encryptionKey = await deriveAesKey(testSecret, SIGNING_KEY_LABEL);
    const keyRing = createKeyRing({
      read: () => store.query(listSigningKeys),
      encryptionKey,
      clock: testClock(),
    });
    const tokens = createAccessTokens({
      keyRing,
      parties: { issuer: "http://watchword.test", audience: "watchword", clientId: "watchword" },
      ownClaims: createOwnClaimsCodec(undefined),
    });
    const [row] = await database.sql<{ now: number }[]>`select floor(extract(epoch from now()))::int as now`;
    const iat = row?.now ?? 0;
    await keyRing.reload();
    return await Promise.all(Array.from({ length: count }, async () => {
      const sessionId = crypto.randomUUID();
      const claims = { sub: userId, sid: sessionId, ep: 0, iat, exp: iat + lifetimeSeconds, auth_time: iat };
      return { sessionId, accessToken: await tokens.sign({ ...claims, amr: ["pwd"], roles: [] }) };
    }));
  } finally {
    await store.close();
  }
}
