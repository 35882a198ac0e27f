import type { Core } from "../port/core.js";
import { hashPrivate } from "../value/hash.js";
import { connectionTtl } from "../value/lifetime.js";

/** The connection that a handshake asks for. */
export interface Arrival {
  readonly connectionId: string;
  /** When API Gateway accepted the handshake (ms). */
  readonly connectedAt: number;
  /** When the handshake reached API Gateway (ms). */
  readonly requestedAt: number;
  /** The handshake's request id: it joins the log lines from the authorizer to the welcome. */
  readonly requestId: string;
  /** The client's address. Only its HMAC may be stored or logged. */
  readonly address: string;
  /** The verified user; undefined when anonymous. */
  readonly userId: string | undefined;
}

/** The columns of a connection's row that come from its handshake. */
export const handshakeColumns = (
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
