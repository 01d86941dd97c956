const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/**
 * An address that keys and revocations may be read from: https, or http on this machine; without credentials.
 *
 * @throws TypeError when it is anything else; what it is may hold a password, so the message does not say it
 */
export function requireServiceUrl(name: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPrivate = url?.protocol === "https:" || (url?.protocol === "http:" && loopback.test(url.hostname));
  if (!url || !isPrivate || url.username !== "" || url.password !== "" || url.hash !== "") {
    throw new TypeError(`${name} must be https, or http on a loopback address`);
  }
  return url.href;
}

/** A path at the issuer's address. */
export const urlAt = (issuer: string, path: string): string => issuer.replace(/\/$/, "") + path;
