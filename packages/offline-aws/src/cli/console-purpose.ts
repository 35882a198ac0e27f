import * as v from "valibot";

/** What an invocation was for. */
export interface Purpose {
  /** `placeOrder`, `$disconnect`, `GET /items`, `INSERT Orders`; absent when the event does not tell. */
  readonly action?: string;
  /** The connection, or the key of the one item that changed. */
  readonly subject?: string;
}

const named = v.optional(v.object({ action: v.optional(v.string()) }));

const webSocketEvent = v.object({
  requestContext: v.object({ routeKey: v.string(), connectionId: v.string() }),
  queryStringParameters: named,
  body: v.optional(v.string()),
});

const httpEvent = v.object({
  requestContext: v.object({ http: v.object({ method: v.string(), path: v.string() }) }),
});

const streamEvent = v.object({
  Records: v.array(
    v.object({
      eventName: v.string(),
      eventSourceARN: v.string(),
      dynamodb: v.object({ Keys: v.record(v.string(), v.record(v.string(), v.unknown())) }),
    }),
  ),
});

/** Reads the action from the route key, or from `action` in the query or the body of a general route. */
export const purposeOf = (event: unknown): Purpose => {
  const socket = v.safeParse(webSocketEvent, event);
  if (socket.success) return purposeOfMessage(socket.output);
  const http = v.safeParse(httpEvent, event);
  if (http.success) {
    const { method, path } = http.output.requestContext.http;
    return { action: printable(`${method} ${path}`) };
  }
  const stream = v.safeParse(streamEvent, event);
  return stream.success ? purposeOfRecords(stream.output) : {};
};

const purposeOfMessage = ({
  requestContext: { routeKey, connectionId },
  queryStringParameters,
  body,
}: v.InferOutput<typeof webSocketEvent>): Purpose => {
  const action = routeKey === "$default" ? actionIn(body) : queryStringParameters?.action;
  return { action: printable(action || routeKey), subject: connectionId };
};

const actionIn = (body = ""): string | undefined => {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), named), body);
  return parsed.success ? parsed.output?.action : undefined;
};

const purposeOfRecords = ({ Records }: v.InferOutput<typeof streamEvent>): Purpose => {
  const [first] = Records;
  if (!first) return {};
  const table = first.eventSourceARN.match(/:table\/([^/]+)/)?.[1] ?? first.eventSourceARN;
  if (Records.length > 1) return { action: `${Records.length} changes ${table}` };
  const keys = Object.values(first.dynamodb.Keys).flatMap((key) => Object.values(key));
  return { action: `${first.eventName} ${table}`, subject: printable(keys.join(" ")) };
};

/** A client may send anything: nothing of it may move a terminal's cursor or fill its screen. */
const printable = (text: string): string => text.replace(/\p{C}/gu, "").slice(0, 40);

/** The first characters of an id or a hash; a name that a person can read stays whole. */
export const shorten = (text: string): string => {
  if (/^[\w+/-]{15}=$/.test(text)) return text.slice(0, 8);
  return /^[\w+/=-]{32,}$/.test(text) ? `${text.slice(0, 8)}…` : text;
};
