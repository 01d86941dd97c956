/** A token to send, and which one it is. */
export interface Access {
  readonly accessToken: string;
  readonly sessionId: string;
  readonly generation: number;
}
