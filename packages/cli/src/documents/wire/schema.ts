import { type ClientFrame, clientFrameSchema, type ServerFrame, serverFrameSchema } from "@lectern/protocol";
import { type JsonSchema, toJsonSchema } from "@valibot/to-json-schema";
import type * as v from "valibot";

/** A JSON schema of an object. */
export interface ObjectSchema extends JsonSchema {
  readonly type: "object";
  readonly properties: Readonly<Record<string, JsonSchema>>;
  readonly required: string[];
}

/** A wire schema as JSON schema (draft 7), each property with its description. */
export const wireSchema = (
  schema: v.GenericSchema,
  descriptions: Readonly<Record<string, string>>,
): ObjectSchema => {
  // The input, before transformations: a flag is the text `true` on the wire.
  const { $schema: _dialect, ...json } = toJsonSchema(schema, { typeMode: "input" });
  const properties = Object.entries(json.properties ?? {}).map(([name, property]) => {
    const described = typeof property === "object" ? property : {};
    return [name, { ...described, ...(descriptions[name] ? { description: descriptions[name] } : {}) }];
  });
  return {
    ...json,
    type: "object",
    properties: Object.fromEntries(properties),
    required: json.required ?? [],
  };
};

/** The schema of one frame from the server. */
export const schemaOfType = (type: ServerFrame["type"]): v.GenericSchema =>
  found(
    type,
    serverFrameSchema.options.find(({ entries }) => entries.type.literal === type),
  );

/** The schema of one frame from the client. */
export const schemaOfAction = (action: ClientFrame["action"]): v.GenericSchema =>
  found(
    action,
    clientFrameSchema.options.find(({ entries }) => entries.action.literal === action),
  );

const found = <Schema>(name: string, schema: Schema | undefined): Schema => {
  if (!schema) throw new Error(`The protocol has no frame ${name}`);
  return schema;
};
