import type { ServerFrame } from "@lectern/protocol";

/** The clients' sockets, by connection id, as API Gateway's management API reaches them. */
export interface Sockets {
  /** Sends one frame to one client. `gone`: the socket is closed, or, right after its handshake, not open yet. */
  send(connectionId: string, frame: ServerFrame): Promise<"sent" | "gone">;
  /** Closes a socket with code 1000. Closing a socket that is gone already is no error. */
  close(connectionId: string): Promise<void>;
  /** When the socket last saw traffic (ms since the epoch). */
  lastActiveAt(connectionId: string): Promise<number | "gone">;
}

/** A call to the management API that failed, and not because the socket is gone. */
export class SocketError extends Error {
  override readonly name = "SocketError";
  /** The HTTP status; undefined when no answer came. */
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}

/** Fan-out concurrency: the `maxSockets` of the sockets' agent. More posts at once would only queue. */
export const postsAtOnce = 50;
