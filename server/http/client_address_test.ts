import { assertEquals } from "@std/assert";
import { readClientAddress } from "./client_address.ts";

const read = (remote: string | null, forwarded?: string, hops = 0) =>
  readClientAddress(
    new Headers(forwarded === undefined ? {} : { "x-forwarded-for": forwarded }),
    remote,
    hops,
  );
const network = (remote: string) => read(remote).network;

Deno.test("A-063: without trusted proxies the socket counts, whatever the headers claim", () => {
  const headers = new Headers({
    "x-forwarded-for": "203.0.113.9",
    "x-real-ip": "203.0.113.9",
    "forwarded": "for=203.0.113.9",
    "cf-connecting-ip": "203.0.113.9",
    "true-client-ip": "203.0.113.9",
  });
  assertEquals(readClientAddress(headers, "192.0.2.1", 0), { ip: "192.0.2.1", network: "192.0.2.1" });
});

Deno.test("A-063: with one trusted proxy its own entry counts, and what stands left of it was made up", () => {
  for (const forwarded of ["198.51.100.7", "203.0.113.9, 198.51.100.7", "a, b, 203.0.113.9 ,198.51.100.7 "]) {
    assertEquals(read("10.0.0.1", forwarded, 1).ip, "198.51.100.7");
  }
});

Deno.test("A-063: with two trusted proxies the outer one's entry counts", () => {
  assertEquals(read("10.0.0.1", "203.0.113.9, 198.51.100.7, 10.0.0.2", 2).ip, "198.51.100.7");
});

Deno.test("A-063: too few entries, or one that is no address, fall back to the socket", () => {
  assertEquals(read("10.0.0.1", undefined, 1).ip, "10.0.0.1");
  assertEquals(read("10.0.0.1", "", 1).ip, "10.0.0.1");
  assertEquals(read("10.0.0.1", "198.51.100.7", 2).ip, "10.0.0.1");
  for (
    const junk of [
      "unknown",
      "x",
      "1.2.3",
      "1.2.3.4.5",
      "256.1.1.1",
      "-1.2.3.4",
      "1.2.3.4:",
      "[::1",
      "1e3.0.0.1",
      "::g",
    ]
  ) {
    assertEquals([junk, read("10.0.0.1", junk, 1).ip], [junk, "10.0.0.1"]);
  }
});

Deno.test("R-77: two entries of a repeated header are one list", () => {
  const headers = new Headers();
  headers.append("x-forwarded-for", "203.0.113.9");
  headers.append("x-forwarded-for", "198.51.100.7");
  assertEquals(readClientAddress(headers, "10.0.0.1", 1).ip, "198.51.100.7");
});

Deno.test("R-77: an IPv6 client is its /64, so rotating within it gains nothing", () => {
  const rotated = [
    "2001:db8:1:2::1",
    "2001:db8:1:2:ffff:ffff:ffff:ffff",
    "2001:DB8:1:2:0:0:0:9",
    "2001:db8:1:2::%eth0",
  ];
  assertEquals(new Set(rotated.map(network)).size, 1);
  const neighbours = ["2001:db8:1:3::1", "2001:db8:2:2::1", "2001:db8::1", "::1"];
  assertEquals(new Set([...neighbours, "2001:db8:1:2::1"].map(network)).size, 5);
});

Deno.test("R-77: an IPv4 address in an IPv6 spelling is that IPv4 address", () => {
  for (
    const spelling of ["::ffff:192.0.2.1", "::FFFF:192.0.2.1", "::ffff:c000:201", "0:0:0:0:0:ffff:c000:0201"]
  ) {
    assertEquals([spelling, read(spelling)], [spelling, { ip: "192.0.2.1", network: "192.0.2.1" }]);
  }
});

Deno.test("R-77: every spelling of an IPv6 address is one address", () => {
  const spellings = ["2001:db8::1", "2001:0db8:0:0:0:0:0:1", "2001:DB8::0001", "2001:db8:0::0:1"];
  assertEquals(new Set(spellings.map((spelling) => read(spelling).ip)).size, 1);
});

Deno.test("R-77: text that is no address is nobody's, and all of it shares one bucket", () => {
  const junk = [
    "",
    "::1::",
    "1:2:3",
    ":::",
    "1:2:3:4:5:6:7:8:9",
    "12345::",
    "::ffff:999.0.2.1",
    "::ffff:1.2.3.256",
  ];
  for (const text of junk) assertEquals([text, read(text)], [text, { ip: null, network: "unknown" }]);
  assertEquals(read(null), { ip: null, network: "unknown" });
});
