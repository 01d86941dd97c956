// Below the ports that the kernel hands out by itself, so that no listener of another test gets it meanwhile.
const FIRST = 20_000;
const COUNT = 10_000;

/** A port that nobody listens on, for a program that has to know its own before it starts. */
export function findFreePort(): number {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    try {
      using _ = Deno.listen({ hostname: "127.0.0.1", port });
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
