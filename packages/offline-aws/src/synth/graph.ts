/** What JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json;
}

/** One resource as the infrastructure program declares it to Pulumi. */
export interface Resource {
  /** `aws:dynamodb/table:Table` */
  readonly type: string;
  /** Its logical name. */
  readonly name: string;
  /** The id that other resources refer to it by. */
  readonly id: string;
  readonly inputs: JsonObject;
  /** Removing the stage leaves it standing. */
  readonly retainOnDelete?: true;
  /** The id of what exists already and is taken over instead of made. */
  readonly adoptedFrom?: string;
}

/** What SST hands to its builder for each function, by component name. */
export interface FunctionBuild {
  readonly functionID: string;
  /** `packages/functions/src/handler/connect.handler` */
  readonly handler: string;
  readonly runtime: string;
  /** The properties of each linked resource, by its name. */
  readonly links: Readonly<Record<string, unknown>>;
  /** SST's `nodejs` arguments. */
  readonly properties: JsonObject;
}

/** What `app()` returns, with the stage. */
export interface App {
  readonly name: string;
  readonly stage: string;
  readonly removal: string;
  readonly protect: boolean;
  readonly providers: JsonObject;
}

/** Everything that the infrastructure program declares, resolved as far as it can be without a cloud. */
export interface Graph {
  readonly app: App;
  readonly resources: readonly Resource[];
  readonly functions: readonly FunctionBuild[];
  readonly outputs: Readonly<Record<string, unknown>>;
  /** The program's own files: a change of one of them makes another graph. */
  readonly sources: readonly string[];
}

/** The resources of one type. */
export const ofType = (graph: Pick<Graph, "resources">, type: string): readonly Resource[] =>
  graph.resources.filter((resource) => resource.type === type);
