import type { Core } from "./core.js";
import { hashPrivate } from "./hash.js";
import { connectionTtl } from "./lifetime.js";

/** A handshake that asks to be let in. */
export interface Arrival {
  readonly connectionId: string;
  /** When API Gateway accepted the handshake (ms). */
  readonly connectedAt: number;
  /** When it reached API Gateway (ms). */
  readonly requestedAt: number;
  /** Of the handshake: it is the thread through the logs from the authorizer to the welcome. */
  readonly requestId: string;
  /** The client's address; never stored or logged but as its HMAC. */
  readonly address: string;
  /** The verified user; undefined: anonymous. */
  readonly userId: string | undefined;
}

/** What the connection's row takes from its handshake. */
export const origin = (
  core: Core,
  { connectionId, connectedAt, requestedAt, requestId, address }: Arrival,
) => ({
  connectionId,
  connectedAt,
  requestedAt,
  requestId,
  addressHash: hashPrivate(address, core.signingKey),
  ttl: connectionTtl(connectedAt, core.settings),
});
