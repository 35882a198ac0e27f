import type { Exchange } from "./server.js";

/** The fields of an SDK request that matter here. */
interface SdkRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/**
 * An SDK client's `requestHandler` that asks the proxy in this process, without a socket. Everything else is as over HTTP:
 * permissions, faults, counting.
 */
export type RequestHandler = ReturnType<typeof createRequestHandler>;

export const createRequestHandler = (exchange: Exchange) => ({
  async handle({ headers, body = "" }: SdkRequest) {
    const lowerCase = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
    const answer = await exchange(Object.fromEntries(lowerCase), textOf(body));
    if (answer === "cut") throw connectionCut();
    return { response: { statusCode: answer.status, headers: answer.headers, body: answer.bytes } };
  },
  updateHttpClientConfig: (): void => undefined,
  httpHandlerConfigs: () => ({}),
  destroy: (): void => undefined,
});

const textOf = (body: unknown): string => {
  if (typeof body === "string") return body;
  // `Buffer.from` would call methods of the SDK's array that print a warning.
  if (body instanceof Uint8Array) return new TextDecoder().decode(body);
  throw new Error("The body of a request to DynamoDB is a string or bytes.");
};

/** The SDK's own handler throws this when a connection ends without an answer. The SDK retries it. */
const connectionCut = (): Error =>
  Object.assign(new Error("socket hang up"), { name: "TimeoutError", code: "ECONNRESET" });
