import {
  bearerPrefix,
  type ClientFrame,
  errorCodes,
  isRetryable,
  limits,
  type Role,
  type ServerFrame,
  statusOf,
  subprotocol,
} from "@lectern/protocol";
import {
  actions,
  clientFrames,
  furtherParameters,
  type Handshake,
  handshakes,
  parameters,
} from "./request.js";
import { type ObjectSchema, schemaOfAction, schemaOfType, wireSchema } from "./schema.js";
import { descriptionsOf, errorMeanings, exampleOf, serverFrames, serverTypes } from "./server-frame.js";

/** API Gateway's own frame. It has no `type`, so the protocol has no schema for it. */
const gatewayError = "gatewayError";

/** The wire as an AsyncAPI 3.0 document, from the server's view: it receives what clients send. */
export const asyncApi = (version: string) => ({
  asyncapi: "3.0.0",
  info: {
    title: "Lectern",
    version,
    description:
      "The session layer of a live speech-translation service. A speaker opens a session, listeners join it by its id. JSON text over WebSocket: frames from clients carry `action`, frames from the server `type` and `timestamp`. Clients ignore fields and types that they do not know. In words: protocol.md.",
    license: { name: "MIT" },
  },
  defaultContentType: "application/json",
  servers: {
    aws: {
      host: "{api}.execute-api.{region}.amazonaws.com",
      pathname: "/prod",
      protocol: "wss",
      description: "A deployed stage. A custom domain has no pathname.",
      variables: {
        api: { description: "The API's id, as in the deployment's output WebSocketAPIEndpoint." },
        region: { default: "us-east-1", description: "The stage's region." },
      },
    },
    local: { host: "127.0.0.1:4000", pathname: "/prod", protocol: "ws", description: "What npm start runs." },
  },
  channels: Object.fromEntries(handshakes.map((handshake) => [handshake.name, channel(handshake)])),
  operations: Object.fromEntries(handshakes.flatMap(operations)),
  components: {
    messages: {
      ...Object.fromEntries(serverTypes.map((type) => [type, serverMessage(type)])),
      ...Object.fromEntries(actions.map((action) => [requestName(action), clientMessage(action)])),
      [gatewayError]: gatewayMessage,
    },
  },
  "x-error-codes": Object.fromEntries(
    errorCodes.map((code) => [
      code,
      { status: statusOf[code], retryable: isRetryable(code), description: errorMeanings[code] },
    ]),
  ),
  "x-limits": limits,
});

/** `heartbeatRequest`: both sides may have a frame of the same name. */
const requestName = (action: ClientFrame["action"]): string => `${action}Request`;

const requestsOf = (role: Role) => actions.filter((action) => clientFrames[action].from.includes(role));

/** The frames that the server may send on a connection: its own welcomes, and every frame that is no welcome. */
const framesOn = ({ role, welcomes }: Handshake) =>
  serverTypes.filter(
    (type) =>
      serverFrames[type].to.includes(role) &&
      (welcomes.includes(type) || !["sessionCreated", "sessionJoined"].includes(type)),
  );

const channel = (handshake: Handshake) => {
  const { role, title, says } = handshake;
  const names = [...framesOn(handshake), gatewayError, ...requestsOf(role).map(requestName)];
  return {
    address: "/",
    title,
    description: says,
    messages: Object.fromEntries(names.map((name) => [name, { $ref: `#/components/messages/${name}` }])),
    bindings: { ws: { method: "GET", query: query(handshake), headers, bindingVersion: "0.1.0" } },
  };
};

const query = ({ schema }: Handshake): ObjectSchema => {
  const known = wireSchema(schema, parameters);
  return { ...known, properties: { ...known.properties, ...furtherParameters } };
};

const headers = {
  type: "object",
  properties: {
    "Sec-WebSocket-Protocol": {
      type: "string",
      description: `\`${subprotocol}, ${bearerPrefix}<token>\` carries a token that is not in the query. Every accepted handshake that offered \`${subprotocol}\` is answered with it.`,
      examples: [`${subprotocol}, ${bearerPrefix}eyJraWQiOiJ…`],
    },
  },
};

const operations = (handshake: Handshake): [string, object][] => {
  const { name, role, title } = handshake;
  const toChannel = { $ref: `#/channels/${name}` };
  const message = (of: string) => ({ $ref: `#/channels/${name}/messages/${of}` });
  const answers = new Set(requestsOf(role).map((action) => clientFrames[action].answer));
  const unasked = framesOn(handshake).filter(
    (type) => !answers.has(type) || handshake.welcomes.includes(type) || type === "sessionEnded",
  );
  return [
    ...requestsOf(role).map((action): [string, object] => [
      `${name}${capital(action)}`,
      {
        action: "receive",
        title: `${title}: ${action}`,
        summary: clientFrames[action].says,
        channel: toChannel,
        messages: [message(requestName(action))],
        reply: {
          channel: toChannel,
          messages: [clientFrames[action].answer, "error", gatewayError].map(message),
        },
      },
    ]),
    [
      `${name}Tell`,
      {
        action: "send",
        title: `${title}: what the server sends unasked`,
        summary: `First ${handshake.welcomes.join(" or ")}, or error where the handshake asked for refusals as frames.`,
        channel: toChannel,
        messages: unasked.map(message),
      },
    ],
  ];
};

const serverMessage = (type: ServerFrame["type"]) => ({
  name: type,
  title: type,
  summary: serverFrames[type].says,
  description: serverFrames[type].when,
  payload: wireSchema(schemaOfType(type), descriptionsOf(type)),
  examples: [{ name: type, payload: exampleOf(type) }],
});

const clientMessage = (action: ClientFrame["action"]) => {
  const { says, fields, example, from, answer } = clientFrames[action];
  return {
    name: action,
    title: action,
    summary: says,
    description: `From ${from.join(" or ")}; answered by ${answer}.`,
    payload: wireSchema(schemaOfAction(action), fields),
    examples: [{ name: action, payload: example }],
  };
};

const gatewayMessage = {
  name: gatewayError,
  title: "A frame of API Gateway's own",
  summary: "It has no `type`. The request that it answers has failed; the socket stays open.",
  description:
    "`Internal server error`: the function failed, timed out or was throttled. `Forbidden`: the stage has no such route. Another text: a throttle.",
  payload: {
    type: "object",
    properties: {
      message: { type: "string", description: "What went wrong." },
      connectionId: { type: "string", description: "This connection's id." },
      requestId: { type: "string", description: "The request's id, for support." },
    },
    required: ["message"],
    not: { required: ["type"] },
  },
  examples: [
    { name: gatewayError, payload: { message: "Internal server error", requestId: "L0SNOFvLPHcFXbA=" } },
  ],
};

const capital = (name: string): string => `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
