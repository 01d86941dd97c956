/** When the copy of the denylist is renewed. */
export interface WakeUps {
  /** Somebody says that there is something new. Never more than a hint. */
  hint(): void;
  /** Hints at the other instances, at most once in 20 ms. */
  announce(): void;
  /** Calls back every second, however long a look takes, and after every look. */
  onTick(listener: () => void): () => void;
  start(): void;
  stop(): void;
}

interface WakeUpsDeps {
  sync: () => Promise<void>;
  notify: () => Promise<void>;
}

const POLL_MS = 1_000;
const POLL_JITTER = 0.1;
const HINT_COALESCE_MS = 50;
const ANNOUNCE_COALESCE_MS = 20;

/** Polls about every second, and sooner when hinted at. The poll carries the promise; a hint only speeds it up. */
export function createWakeUps({ sync, notify }: WakeUpsDeps): WakeUps {
  const listeners = new Set<() => void>();
  let ticking: ReturnType<typeof setInterval> | undefined;
  let poll: ReturnType<typeof setTimeout> | undefined;
  let hinted: ReturnType<typeof setTimeout> | undefined;
  let announced: ReturnType<typeof setTimeout> | undefined;
  let isStopped = true;

  async function look(): Promise<void> {
    // Whatever fails is tried again in a second; until then the lease grows old, which is what callers look at.
    await sync().catch(() => {});
    tick();
  }

  function tick(): void {
    for (const listener of [...listeners]) listener();
  }

  function schedule(): void {
    if (isStopped) return;
    poll = setTimeout(
      () => void look().finally(schedule),
      POLL_MS * (1 + (Math.random() - 0.5) * 2 * POLL_JITTER),
    );
  }

  return {
    hint() {
      if (isStopped || hinted !== undefined) return;
      hinted = setTimeout(() => {
        hinted = undefined;
        void look();
      }, HINT_COALESCE_MS);
    },
    announce() {
      if (isStopped || announced !== undefined) return;
      announced = setTimeout(() => {
        announced = undefined;
        notify().catch(() => {});
      }, ANNOUNCE_COALESCE_MS);
    },
    onTick(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    start() {
      isStopped = false;
      ticking = setInterval(tick, POLL_MS);
      schedule();
    },
    stop() {
      isStopped = true;
      clearInterval(ticking);
      for (const timer of [poll, hinted, announced]) clearTimeout(timer);
    },
  };
}
