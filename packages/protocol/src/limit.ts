/** Limits of the wire. Bytes are counted in UTF-8. */
export const limits = {
  /** A WebSocket frame; API Gateway closes with 1009 above it. */
  frameBytes: 32 * 1024,
  /** A message, of one frame or several; API Gateway closes with 1009 above it. */
  messageBytes: 128 * 1024,
  /** The URL of a handshake, including a token in its query. */
  urlCharacters: 4096,
  /** A client that gets no welcome within this time reconnects. */
  welcomeMs: 5_000,
} as const;
