import { TRPCClientError } from "@trpc/client";

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

/** Subscribes, and remembers what comes. */
export function follow(procedure: Subscribable): Followed {
  const until = async (holds: () => boolean) => {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
  };
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

/** The reason in an error that a subscription ended with. */
export function reasonOf(error: unknown): string | undefined {
  return error instanceof TRPCClientError ? error.data?.auth?.reason : undefined;
}
