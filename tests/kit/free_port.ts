/** A port that nobody listens on, for an example that has to know its own before it starts. */
export function findFreePort(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return String(listener.addr.port);
}
