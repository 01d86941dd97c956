import { parseConfig } from "./config.ts";
import { KEY_PENDING_SECONDS, SIGNING_KEY_LABEL } from "./create_auth.ts";
import { exitWith, readEnvironment } from "./main.ts";
import { print } from "./observe/log.ts";
import { connect } from "./store/connect.ts";
import { insertPendingSigningKey, listSigningKeys, lockSigningKeys } from "./store/signing_keys.ts";
import { deriveAesKey } from "./tokens/derive_key.ts";
import { generateSigningKey, openSigningKey } from "./tokens/signing_key.ts";

/**
 * Publishes the next signing key. The running instances let it sign when every cached JWKS has it, so nobody is
 * signed out.
 */
async function main(): Promise<void> {
  const { DATABASE_URL, KEY_ENCRYPTION_SECRET } = parseConfig(readEnvironment(), { mode: "start" });
  const store = connect({ databaseUrl: DATABASE_URL ?? "", poolSize: 1 });
  try {
    const encryptionKey = await deriveAesKey(KEY_ENCRYPTION_SECRET ?? "", SIGNING_KEY_LABEL);
    // A key under another secret would stop every instance from signing, so the secret is proved first.
    for (const stored of await store.query(listSigningKeys)) await openSigningKey(encryptionKey, stored);
    const made = await generateSigningKey(encryptionKey);
    const pending = await store.transaction(async (tx) => {
      await lockSigningKeys(tx);
      return await insertPendingSigningKey(tx, made, KEY_PENDING_SECONDS);
    });
    print(`key ${pending.kid} is published and signs from ${pending.activateAt?.toISOString()}`);
  } finally {
    await store.close();
  }
}

if (import.meta.main) await main().catch(exitWith);
