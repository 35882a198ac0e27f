/** What API Gateway says in a frame of its own, which has no `type`: `Forbidden`; undefined: it is not its frame. */
export const gatewayMessage = (text: string): string | undefined => text.match(/"message":\s*"([^"]+)"/)?.[1];
