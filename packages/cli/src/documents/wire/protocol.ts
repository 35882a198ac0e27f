import { errorCodes, isRetryable, type ServerFrame, statusOf } from "@lectern/protocol";
import type { JsonSchema } from "@valibot/to-json-schema";
import { block, code, markdownTable } from "../markdown.js";
import { actions, clientFrames, handshakes, parameters } from "./request.js";
import { schemaOfType, wireSchema } from "./schema.js";
import { descriptionsOf, errorMeanings, exampleOf, serverFrames, serverTypes } from "./server-frame.js";

/** The generated parts of docs/protocol.md. */
export const protocolSections = (): Readonly<Record<string, string>> => ({
  handshakes: handshakeTables(),
  "client-frames": clientFrameTable(),
  "server-frames": serverTypes.map(serverFrameText).join("\n\n"),
  fields: fieldTable(),
  errors: errorTable(),
});

const handshakeTables = (): string => {
  const schemas = handshakes.map(({ schema }) => wireSchema(schema, parameters));
  const needs = (name: string) =>
    schemas.map(({ properties, required }) => {
      if (required.includes(name)) return "yes";
      return name in properties ? "optional" : "–";
    });
  const rows = Object.entries(parameters).map(([name, says]) => {
    const property = schemas.find(({ properties }) => name in properties)?.properties[name];
    const needed =
      name === "token" ? handshakes.map(needsToken) : name === "errors" ? everywhere : needs(name);
    return [code(name), ...needed, `${says}${valuesOf(name, property)}`];
  });
  return [
    ...handshakes.map(({ title, says, welcomes, example }) =>
      [
        `**${title}.** ${says} Welcome: ${welcomes.map(linkTo).join(" or ")}.`,
        block("text", `wss://<api>/prod?${new URLSearchParams(example)}`),
      ].join("\n\n"),
    ),
    markdownTable(
      ["parameter", "create", "join", "refresh, speaker", "refresh, listener", "what it is"],
      rows,
    ),
  ].join("\n\n");
};

const everywhere = handshakes.map(() => "optional");
const needsToken = ({ role }: { readonly role: string }): string => (role === "speaker" ? "yes" : "optional");

/** ` standard (default) or premium.` */
const valuesOf = (name: string, { enum: choice, default: byDefault }: JsonSchema = {}): string => {
  if (name === "role" || !choice) return "";
  return ` ${choice.map((value) => `${code(String(value))}${value === byDefault ? " (default)" : ""}`).join(" or ")}.`;
};

const clientFrameTable = (): string =>
  markdownTable(
    ["frame", "from", "what it does", "answer"],
    actions.map((action) => {
      const { says, from, answer, example } = clientFrames[action];
      return [code(JSON.stringify(example)), from.join(", "), says, linkTo(answer)];
    }),
  );

const serverFrameText = (type: ServerFrame["type"]): string => {
  const { says, when, to } = serverFrames[type];
  return [
    `### ${code(type)}`,
    `To ${to.map((role) => `${role}s`).join(" and ")}. ${when} ${says}`,
    block("json", inLines(exampleOf(type))),
  ].join("\n\n");
};

/** One line where that can be read, else one for each field. */
const inLines = (frame: object): string => {
  const line = JSON.stringify(frame);
  return line.length <= 110 ? line : JSON.stringify(frame, undefined, 2);
};

/** Each field once: it means the same in every frame. */
const fieldTable = (): string => {
  const fields = new Map<string, string[]>();
  for (const type of serverTypes) {
    const { properties, required } = wireSchema(schemaOfType(type), descriptionsOf(type));
    for (const [name, property] of Object.entries(properties)) {
      if (name === "type") continue;
      const isKnown = fields.has(name) && required.includes(name);
      const label = `${code(name)}${required.includes(name) ? "" : " (optional)"}`;
      if (!isKnown) fields.set(name, [label, typeOf(property), property.description ?? ""]);
    }
  }
  return markdownTable(["field", "value", "what it is"], [...fields.values()]);
};

/** The values that a schema allows, in words. */
const typeOf = ({ const: only, enum: choice, type, additionalProperties }: JsonSchema): string => {
  if (only !== undefined) return code(String(only));
  if (choice && choice.length <= 4) return choice.map((value) => code(String(value))).join(", ");
  if (choice) return "an [error code](#error-codes)";
  if (type === "string") return "text";
  if (type === "object" && typeof additionalProperties === "object")
    return `object of ${typeOf(additionalProperties)}s`;
  return String(type);
};

/** Links to a server frame's heading. */
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
