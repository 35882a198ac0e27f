import * as v from "valibot";
import { type Graph, ofType, type Resource } from "../synth/graph.js";
import { UserError } from "../user-error.js";

/**
 * Reads a resource's inputs, or one value of them.
 * @throws {UserError} naming the resource and the input that cannot be read
 */
export const read = <Schema extends v.GenericSchema>(
  schema: Schema,
  { type, name, inputs }: Resource,
  value: unknown = inputs,
): v.InferOutput<Schema> => {
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const place = v.getDotPath(issue);
  throw new UserError(
    `${type.split(":").at(-1)} ${name} cannot be run here: ${place ? `${place}: ` : ""}${issue.message}.`,
  );
};

export const functionNameIn = (arn: unknown): string | undefined =>
  String(arn).match(/:function:([^:/]+)/)?.[1];

export const byId = (graph: Graph, type: string, id: string | undefined): Resource | undefined =>
  ofType(graph, type).find((resource) => resource.id === id);

export const optional = <Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { [Key in Name]?: Value } => (value === undefined ? {} : ({ [name]: value } as { [Key in Name]?: Value }));
