/** The subprotocols that a handshake offers; header names arrive in the client's own case. */
export const offeredSubprotocols = (
  headers: Readonly<Record<string, string | undefined>> | null | undefined,
): string[] =>
  Object.entries(headers ?? {})
    .filter(([name]) => name.toLowerCase() === "sec-websocket-protocol")
    .flatMap(([, value = ""]) => value.split(","))
    .map((offered) => offered.trim());
