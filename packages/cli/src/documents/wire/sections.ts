import { environmentName, type SettingName } from "@lectern/core/settings";
import {
  type ClientFrame,
  errorCodes,
  isRetryable,
  limits,
  type ServerFrame,
  statusOf,
} from "@lectern/protocol";
import type { JsonSchema } from "@valibot/to-json-schema";
import { settingsFor } from "../../../../../infra/settings.js";
import type { Sections } from "../section.js";
import { block, code, markdownTable } from "../text.js";
import { clientFrames } from "./client-frame.js";
import { errorMeanings } from "./error.js";
import { type Handshake, handshakes, parameters, token } from "./handshake.js";
import { type ObjectSchema, schemaOfAction, schemaOfType, wireSchema } from "./schema.js";
import { type FrameDescription, serverFrames, timestampField } from "./server-frame.js";

/** The parts of the protocol document that follow from the schemas. */
export const protocolSections = (): Sections => ({
  handshakes: handshakes.map(handshakeText).join("\n\n"),
  "client-frames": Object.keys(clientFrames).filter(isAction).map(clientFrameText).join("\n\n"),
  "server-frames": Object.keys(serverFrames).filter(isType).map(serverFrameText).join("\n\n"),
  errors: errorTable(),
  limits: limitTable(),
  "rate-limits": rateLimitTable(),
});

const isAction = (name: string): name is ClientFrame["action"] => name in clientFrames;
const isType = (name: string): name is ServerFrame["type"] => name in serverFrames;

const handshakeText = ({ title, says, schema, role, welcomes, example }: Handshake): string => {
  const { properties, required } = wireSchema(schema, parameters);
  const rows = Object.entries(properties).map(([name, property]) => [
    code(name),
    typeOf(property),
    required.includes(name) ? "yes" : byDefault(property),
    property.description ?? "",
  ]);
  const { needed, says: meaning } = token[role];
  const tokenRow = [code("token"), "text", needed, meaning];
  const errors = [code("errors"), code("frame"), "no", parameters.errors];
  return [
    `### ${title}`,
    says,
    markdownTable(["parameter", "value", "needed", "what it is"], [...rows, tokenRow, errors]),
    block("text", `wss://<api>/prod?${new URLSearchParams(example)}`),
    `Welcome: ${welcomes.map(linkTo).join(" or ")}.`,
  ].join("\n\n");
};

const byDefault = ({ default: value }: JsonSchema): string =>
  value === undefined ? "no" : `no; ${code(String(value))}`;

const clientFrameText = (action: ClientFrame["action"]): string => {
  const { says, answer, fields, example } = clientFrames[action];
  return [
    `### Frame ${code(action)}`,
    says,
    ...fieldTable(wireSchema(schemaOfAction(action), fields), ["action"]),
    block("json", JSON.stringify(example)),
    `Answer: ${linkTo(answer)}.`,
  ].join("\n\n");
};

const serverFrameText = (type: ServerFrame["type"]): string => {
  const { says, when, to, fields, example }: FrameDescription = serverFrames[type];
  const schema = wireSchema(schemaOfType(type), { timestamp: timestampField, ...fields });
  return [
    `### ${code(type)}`,
    `To ${to.map((role) => `${role}s`).join(" and ")}. ${when} ${says}`,
    ...fieldTable(schema, ["type", "timestamp"]),
    block("json", JSON.stringify(example, undefined, 2)),
  ].join("\n\n");
};

/** No table where there is no field beside those that every frame has. */
const fieldTable = ({ properties, required }: ObjectSchema, common: readonly string[]): string[] => {
  const rows = Object.entries(properties)
    .filter(([name]) => !common.includes(name))
    .map(([name, property]) => [
      `${code(name)}${required.includes(name) ? "" : " (optional)"}`,
      typeOf(property),
      property.description ?? "",
    ]);
  return rows.length === 0 ? [] : [markdownTable(["field", "value", "what it is"], rows)];
};

/** What may stand there, in words. */
const typeOf = ({ const: only, enum: choice, type, additionalProperties }: JsonSchema): string => {
  if (only !== undefined) return code(String(only));
  if (choice && choice.length <= 4) return choice.map((value) => code(String(value))).join(", ");
  if (choice) return "one of the error codes";
  if (type === "string") return "text";
  if (type === "object" && typeof additionalProperties === "object") {
    return `object of ${typeOf(additionalProperties)}s`;
  }
  return String(type);
};

/** The heading of a frame from the server. */
const linkTo = (type: ServerFrame["type"]): string => `[${code(type)}](#${type.toLowerCase()})`;

const errorTable = (): string =>
  markdownTable(
    ["code", "status", "retryable", "when"],
    errorCodes.map((name) => [
      code(name),
      `${statusOf[name]}`,
      isRetryable(name) ? "yes" : "no",
      errorMeanings[name],
    ]),
  );

const limitTable = (): string =>
  markdownTable(
    ["limit", "value", "beyond it"],
    [
      ["a frame of the client", `${limits.frameBytes / 1024} KB`, "closed with 1009"],
      ["a message, of one frame or several", `${limits.messageBytes / 1024} KB`, "closed with 1009"],
      ["the handshake's URL, a token in its query included", `${limits.urlCharacters} characters`, "refused"],
      ["the wait for a welcome", `${limits.welcomeMs / 1000} s`, "close the socket and connect again"],
      ["a connection without any traffic", "10 min", "closed by API Gateway"],
      [
        "a connection",
        "2 h",
        "closed by API Gateway, or within a minute by the server where the stage allows less; refresh before",
      ],
    ],
  );

const rateLimitTable = (): string => {
  const settings = settingsFor("prod");
  const row = (name: SettingName, limit: string, what: string, whom: string) => [
    what,
    code(limit),
    `${settings[name]}`,
    whom,
    code(environmentName(name)),
  ];
  return markdownTable(
    ["limit", "`details.limit`", "default", "who is counted", "setting"],
    [
      row("rateLimitSessionsPerHour", "sessions", "sessions created in an hour", "the speaker's user"),
      row(
        "rateLimitConnectionAttemptsPerMin",
        "connectionAttempts",
        "connection attempts in a minute",
        "the address: by every join, let in or refused, and by every refusal that comes as a frame; not for speakers with a good token, nor with a valid ticket, nor for joins to a session with `sharedNetwork=true`",
      ),
      row(
        "rateLimitListenerJoinsPerMin",
        "listenerJoins",
        "joins in a minute",
        "the address; with the same exceptions",
      ),
      row(
        "rateLimitHeartbeatsPerMin",
        "heartbeats",
        "heartbeats in a minute",
        "the connection; the bucket refills a little faster, so that a client with jitter never meets it",
      ),
    ],
  );
};
