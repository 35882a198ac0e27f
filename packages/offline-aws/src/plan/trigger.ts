import * as v from "valibot";
import type { Mapping } from "../event-source/index.js";
import { accountId } from "../synth/cloud.js";
import { type Graph, ofType, type Resource } from "../synth/graph.js";
import { UserError } from "../user-error.js";
import { functionNameIn, optional, read } from "./resource.js";

export type PlannedMapping = Omit<Mapping, "stream"> & { readonly streamArn: string };

/** A rule that invokes a function at a rate. */
export interface Schedule {
  readonly name: string;
  readonly periodMs: number;
  readonly functionName: string;
  readonly input: unknown;
}

const mappingSchema = v.object({
  eventSourceArn: v.string(),
  functionName: v.string(),
  startingPosition: v.picklist(["TRIM_HORIZON", "LATEST"]),
  batchSize: v.optional(v.number(), 100),
  maximumBatchingWindowInSeconds: v.optional(v.number(), 0),
  maximumRetryAttempts: v.optional(v.number(), -1),
  maximumRecordAgeInSeconds: v.optional(v.number(), -1),
  bisectBatchOnFunctionError: v.optional(v.boolean(), false),
  functionResponseTypes: v.optional(v.array(v.string()), []),
  parallelizationFactor: v.optional(v.number(), 1),
  filterCriteria: v.optional(v.object({ filters: v.array(v.object({ pattern: v.string() })) })),
  destinationConfig: v.optional(v.object({ onFailure: v.object({ destinationArn: v.string() }) })),
});

export const mappingOf = (resource: Resource, region: string): PlannedMapping => {
  const mapping = read(mappingSchema, resource);
  const functionName = functionNameIn(mapping.functionName) ?? mapping.functionName;
  return {
    id: resource.name,
    functionName,
    functionArn: `arn:aws:lambda:${region}:${accountId}:function:${functionName}`,
    streamArn: mapping.eventSourceArn,
    batchSize: mapping.batchSize,
    startingPosition: mapping.startingPosition,
    maximumBatchingWindowInSeconds: mapping.maximumBatchingWindowInSeconds,
    filters: mapping.filterCriteria?.filters.map(({ pattern }) => pattern) ?? [],
    maximumRetryAttempts: mapping.maximumRetryAttempts,
    maximumRecordAgeInSeconds: mapping.maximumRecordAgeInSeconds,
    bisectBatchOnFunctionError: mapping.bisectBatchOnFunctionError,
    reportBatchItemFailures: mapping.functionResponseTypes.includes("ReportBatchItemFailures"),
    parallelizationFactor: mapping.parallelizationFactor,
    ...optional("onFailureArn", mapping.destinationConfig?.onFailure.destinationArn),
  };
};

const unitMs: Record<string, number> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

const targetSchema = v.object({ input: v.optional(v.pipe(v.string(), v.parseJson()), "{}") });

export const scheduleOf = (graph: Graph, resource: Resource): Schedule => {
  const { name, inputs } = resource;
  const rule = ofType(graph, "aws:cloudwatch/eventRule:EventRule").find(({ id }) => id === inputs.rule);
  const expression = String(rule?.inputs.scheduleExpression);
  const [, amount, unit = ""] = expression.match(/^rate\((\d+) (minute|hour|day)s?\)$/) ?? [];
  const functionName = functionNameIn(inputs.arn);
  if (!functionName || !amount) {
    throw new UserError(`Schedule ${name}: the local stack runs functions at a rate, not ${expression}.`);
  }
  return {
    name,
    functionName,
    periodMs: Number(amount) * (unitMs[unit] ?? 0),
    input: read(targetSchema, resource).input,
  };
};
