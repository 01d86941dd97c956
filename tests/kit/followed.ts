/** What came of a subscription. */
export interface Followed {
  events: number[];
  /** The states of its connection, in turn. */
  states: string[];
  error: unknown;
  isEnded: boolean;
  unsubscribe(): void;
  /** Waits until so many more events have come, or it has ended. */
  hear(count: number): Promise<void>;
  /** Waits until it has ended. */
  ended(): Promise<void>;
}

interface Subscribable {
  subscribe(input: undefined, options: object): { unsubscribe(): void };
}

const GIVE_UP_MS = 20_000;

/** Waits until something holds. @throws when it does not for so long that it never will */
export async function until(holds: () => boolean): Promise<void> {
  const start = performance.now();
  while (!holds()) {
    if (performance.now() - start > GIVE_UP_MS) throw new Error(`never came true: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Subscribes, and remembers what comes. */
export function follow(procedure: Subscribable): Followed {
  const followed: Followed = {
    events: [],
    states: [],
    error: null,
    isEnded: false,
    unsubscribe: () => subscription.unsubscribe(),
    async hear(count) {
      const enough = followed.events.length + count;
      await until(() => followed.isEnded || followed.events.length >= enough);
    },
    ended: () => until(() => followed.isEnded),
  };
  const subscription = procedure.subscribe(undefined, {
    onData: ({ data }: { data: number }) => followed.events.push(data),
    onConnectionStateChange: ({ state }: { state: string }) => followed.states.push(state),
    onError(error: unknown) {
      followed.error = error;
      followed.isEnded = true;
    },
    onComplete: () => followed.isEnded = true,
  });
  return followed;
}
