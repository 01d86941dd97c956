import { type Reason, reasons } from "@watchword/shared";

interface AuthErrorOptions {
  cause?: unknown;
  /** @default 1 for a reason whose advice is to wait */
  retryAfterSeconds?: number;
  maxAgeSeconds?: number;
}

/**
 * The only error that server code throws on purpose. The boundary in `trpc.ts` turns it into an answer;
 * its `cause` reaches the log and never the client.
 */
export class AuthError extends Error {
  override readonly name = "AuthError";
  readonly retryAfterSeconds: number | undefined;
  readonly maxAgeSeconds: number | undefined;
  /** Whether the procedure's own code had begun. */
  readonly executed: boolean;

  constructor(readonly reason: Reason, options: AuthErrorOptions & { executed?: boolean } = {}) {
    super(reason, { cause: options.cause });
    this.executed = options.executed ?? true;
    // Whoever is told to wait is told how long.
    this.retryAfterSeconds = options.retryAfterSeconds ?? (reasons[reason].advice === "wait" ? 1 : undefined);
    this.maxAgeSeconds = options.maxAgeSeconds;
  }
}

const appErrors = new WeakSet<Error>();

/** Marks an error as thrown by an app on purpose, in a procedure or a hook: it stays as the app made it. */
export function markAppError(error: Error): void {
  appErrors.add(error);
}

/** Tells whether an app threw it on purpose. */
export function isAppError(error: Error): boolean {
  return appErrors.has(error);
}

/** An error for the edge, limits, guards and input checks: nothing ran, nothing changed. */
export function refuse(reason: Reason, options: AuthErrorOptions = {}): AuthError {
  return new AuthError(reason, { ...options, executed: false });
}
