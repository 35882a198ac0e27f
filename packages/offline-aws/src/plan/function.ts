import * as v from "valibot";
import { policyStatement, type Statement } from "../iam.js";
import type { FunctionDefinition } from "../lambda/function-definition.js";
import { accountId } from "../synth/cloud.js";
import { type Graph, ofType, type Resource } from "../synth/graph.js";
import { UserError } from "../user-error.js";
import { read } from "./resource.js";

/** A function, with its role, links and log group. */
export interface PlannedFunction extends FunctionDefinition {
  readonly roleName: string;
  readonly statements: readonly Statement[];
  /** Linked resources' properties, by name. */
  readonly links: Readonly<Record<string, unknown>>;
  /** The group of its log lines, and their form. */
  readonly logGroup: string;
  readonly logFormat: "JSON" | "Text";
  /** The lowest level that Lambda writes to the group; only in the JSON form. */
  readonly applicationLogLevel?: string;
}

const functionSchema = v.object({
  name: v.string(),
  role: v.string(),
  timeout: v.number(),
  memorySize: v.number(),
  runtime: v.string(),
  environment: v.object({ variables: v.record(v.string(), v.string()) }),
  loggingConfig: v.optional(
    v.object({
      logFormat: v.optional(v.picklist(["JSON", "Text"]), "Text"),
      applicationLogLevel: v.optional(v.string(), "INFO"),
      logGroup: v.optional(v.string()),
    }),
    {},
  ),
});

export const functionOf = (graph: Graph, resource: Resource, region: string): PlannedFunction => {
  const { name, role, timeout, memorySize, runtime, environment, loggingConfig } = read(
    functionSchema,
    resource,
  );
  const build = graph.functions.find(({ functionID }) => resource.name === `${functionID}Function`);
  if (!build)
    throw new UserError(`Function ${name} has no code that can be run here: its handler is not Node.js.`);
  const roleName = role.split("/").at(-1) ?? role;
  // On AWS, links come in an encrypted file that these two open; here they come in the environment.
  const { SST_KEY: _key, SST_KEY_FILE: _file, ...variables } = environment.variables;
  return {
    name,
    arn: `arn:aws:lambda:${region}:${accountId}:function:${name}`,
    handler: build.handler,
    environment: variables,
    timeoutSeconds: timeout,
    memoryMb: memorySize,
    runtime,
    nodejs: build.properties,
    roleName,
    statements: statementsOf(graph, roleName),
    links: build.links,
    logGroup: loggingConfig.logGroup ?? `/aws/lambda/${name}`,
    logFormat: loggingConfig.logFormat,
    ...(loggingConfig.logFormat === "JSON" ? { applicationLogLevel: loggingConfig.applicationLogLevel } : {}),
  };
};

const roleSchema = v.object({
  inlinePolicies: v.optional(v.array(v.object({ policy: v.string() })), []),
});

const policySchema = v.pipe(v.string(), v.parseJson(), v.object({ Statement: v.array(policyStatement) }));

/** The statements of a role's inline policies. Managed policies are ignored: they allow services that do not run here. */
export const statementsOf = (graph: Graph, roleName: string): Statement[] => {
  const role = ofType(graph, "aws:iam/role:Role").find(({ inputs }) => inputs.name === roleName);
  if (!role) return [];
  return read(roleSchema, role).inlinePolicies.flatMap(
    ({ policy }) => read(policySchema, role, policy).Statement,
  );
};
