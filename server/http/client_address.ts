/** Where a request comes from. */
export interface ClientAddress {
  ip: string | null;
  /** What limits are kept by: the IPv4 address, or the IPv6 /64. */
  network: string;
}

// Some proxies write the client's port too: 192.0.2.1:4711, [2001:db8::1]:4711.
const withPort = /^(?:\[([^\]]+)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+)$/;
const ipv4 = /^(?:\d{1,3}\.){3}\d{1,3}$/;

/** The eight groups of an IPv6 address, or null. */
function parseIpv6(text: string): number[] | null {
  const v4Tail = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  if (v4Tail) {
    const [a = 0, b = 0, c = 0, d = 0] = v4Tail.slice(2).map(Number);
    if ([a, b, c, d].some((part) => part > 255)) return null;
    text = `${v4Tail[1]}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  }
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const [head = [], tail = []] = halves.map((half) => half === "" ? [] : half.split(":"));
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const groups = [...head, ...Array(missing).fill("0"), ...tail];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null;
  return groups.map((group) => parseInt(group, 16));
}

function describeAddress(text: string): ClientAddress | null {
  if (ipv4.test(text)) {
    return text.split(".").every((part) => Number(part) < 256) ? { ip: text, network: text } : null;
  }
  const groups = parseIpv6(text.split("%", 1)[0] ?? "");
  if (groups === null) return null;
  const isV4Mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isV4Mapped) {
    const [high = 0, low = 0] = groups.slice(6);
    const ip = [high >> 8, high & 255, low >> 8, low & 255].join(".");
    return { ip, network: ip };
  }
  const hex = groups.map((group) => group.toString(16));
  return { ip: hex.join(":"), network: `${hex.slice(0, 4).join(":")}::/64` };
}

/**
 * Tells the client's address: the socket's, or with trusted proxies the one that the outermost of them saw.
 * What a client writes into `X-Forwarded-For` itself stands further left and is never read.
 */
export function readClientAddress(
  headers: Headers,
  remoteAddress: string | null,
  trustedProxyHops: number,
): ClientAddress {
  const unknown = { ip: null, network: "unknown" };
  const socket = remoteAddress === null ? null : describeAddress(remoteAddress);
  if (trustedProxyHops === 0) return socket ?? unknown;
  const hops = (headers.get("x-forwarded-for") ?? "").split(",").map((hop) => hop.trim()).filter(Boolean);
  const hop = hops.at(-trustedProxyHops)?.replace(withPort, "$1$2");
  return (hop === undefined ? null : describeAddress(hop)) ?? socket ?? unknown;
}
