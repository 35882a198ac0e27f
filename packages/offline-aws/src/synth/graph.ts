import * as v from "valibot";

/** A value of JSON. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json;
}

/** One resource that the infrastructure program declares to Pulumi. */
export interface Resource {
  /** `aws:dynamodb/table:Table` */
  readonly type: string;
  /** The logical name. */
  readonly name: string;
  /** The id that other resources refer to it by. */
  readonly id: string;
  readonly inputs: JsonObject;
  /** The resources that must exist first, and are removed later, each as `<type>/<logical name>`, sorted. */
  readonly dependsOn?: readonly string[];
  /** It stays when the stage is removed. */
  readonly retainOnDelete?: true;
  /** The id of an existing resource that is imported instead of created. */
  readonly adoptedFrom?: string;
}

/** SST's order to its builder, one per function. */
export const functionBuildSchema = v.object({
  functionID: v.string(),
  /** `packages/functions/src/handler/connect.handler` */
  handler: v.string(),
  runtime: v.string(),
  /** The properties of each linked resource, by its name. */
  links: v.record(v.string(), v.unknown()),
  /** SST's `nodejs` arguments. */
  properties: v.custom<JsonObject>((value) => typeof value === "object" && value !== null),
});

export type FunctionBuild = v.InferOutput<typeof functionBuildSchema>;

/** The result of `app()`, with the stage. */
export interface App {
  readonly name: string;
  readonly stage: string;
  readonly removal: string;
  readonly protect: boolean;
  readonly providers: JsonObject;
}

/** Everything that the infrastructure program declares, resolved as far as possible without a cloud. */
export interface Graph {
  readonly app: App;
  readonly resources: readonly Resource[];
  readonly functions: readonly FunctionBuild[];
  readonly outputs: Readonly<Record<string, unknown>>;
  /** Absolute paths of the program's own files. A change of one may change the graph. */
  readonly sources: readonly string[];
}

/** The resources of a type, such as `aws:dynamodb/table:Table`. */
export const ofType = (graph: Pick<Graph, "resources">, type: string): readonly Resource[] =>
  graph.resources.filter((resource) => resource.type === type);
