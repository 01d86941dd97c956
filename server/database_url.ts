// As postgres.js reads it: several hosts may stand there, which no URL parser takes.
const shape = /^postgres(?:ql)?:\/\/(?:([^/?#]*)@)?([^/?#]*)/;
const hostShape = /^[^:]+(?::\d{1,5})?$/;

/** The hosts of a database URL, each with its port if it has one. */
export function listDatabaseHosts(url: string): string[] {
  const [, , hosts = ""] = shape.exec(url) ?? [];
  return hosts === "" ? [] : hosts.split(",");
}

/** What is wrong with a database URL, which the driver would say with a stack; null when nothing is. */
export function findUrlFault(url: string): string | null {
  const [whole, userInfo] = shape.exec(url) ?? [];
  if (whole === undefined) return "must start with postgres://";
  if (!isDecodable(userInfo ?? "")) return "must have each % of its user and password as %25";
  const hosts = listDatabaseHosts(url);
  if (hosts.length === 0) return userInfo === undefined ? null : "must name a host";
  if (hosts.some((host) => host.includes("["))) return "must name its host: the driver takes no IPv6 address";
  const areHosts = hosts.every((host) => hostShape.test(host) && isHost(host));
  return areHosts ? null : "must name hosts, each with a port of at most 65535";
}

/** A host as a URL has it: an IPv6 address in brackets. */
export const toUrlHost = (host: string) => host.includes(":") ? `[${host}]` : host;

/** Whether `host` or `host:port` is one. */
export const isHost = (host: string) => URL.canParse(`http://${host}`);

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
