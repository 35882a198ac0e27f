/** Limits of the wire. Bytes are counted in UTF-8. */
export const limits = {
  /** A WebSocket frame; API Gateway closes with 1009 above it. */
  frameBytes: 32 * 1024,
  /** A message, of one frame or several; API Gateway closes with 1009 above it. */
  messageBytes: 128 * 1024,
  /** The URL of a handshake, a token in its query included. */
  urlCharacters: 4096,
  /** A client that got no welcome in this time reconnects. */
  welcomeMs: 5_000,
} as const;
