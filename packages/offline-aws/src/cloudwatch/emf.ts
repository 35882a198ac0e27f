import * as v from "valibot";
import type { LogLine } from "../lambda/scheduler.js";
import type { Datum } from "./metrics.js";

const directiveSchema = v.object({
  Namespace: v.pipe(v.string(), v.nonEmpty()),
  Dimensions: v.optional(v.array(v.array(v.string())), []),
  Metrics: v.array(v.object({ Name: v.string(), Unit: v.optional(v.string(), "None") })),
});

const lineSchema = v.looseObject({
  _aws: v.object({ Timestamp: v.number(), CloudWatchMetrics: v.array(directiveSchema) }),
});

const valuesSchema = v.union([v.pipe(v.array(v.number()), v.maxLength(100)), v.number()]);

type Directive = v.InferOutput<typeof directiveSchema>;
type Line = v.InferOutput<typeof lineSchema>;

/**
 * Extracts metrics from log lines in Embedded Metric Format and ignores other lines. `onMalformed` is called once per
 * function and reason.
 */
export const createEmfReader = (
  put: (datum: Datum) => void,
  onMalformed: ((functionName: string, reason: string) => void) | undefined,
) => {
  const reported = new Set<string>();
  return ({ functionName, text }: Pick<LogLine, "functionName" | "text">): void => {
    const malformed = (reason: string): void => {
      const key = JSON.stringify([functionName, reason]);
      // A reason contains text of the line, so the set needs a bound.
      if (reported.has(key) || reported.size >= 1_000) return;
      reported.add(key);
      onMalformed?.(functionName, reason);
    };
    const value = embedded(text);
    if (value === undefined) return;
    const parsed = v.safeParse(lineSchema, value);
    if (!parsed.success) malformed(`${v.getDotPath(parsed.issues[0]) ?? "_aws"} is not as EMF has it`);
    else
      for (const directive of parsed.output._aws.CloudWatchMetrics)
        ingest(parsed.output, directive, put, malformed);
  };
};

/** Undefined for a line without metrics. Most lines have none, so they are not parsed. */
const embedded = (text: string): unknown => {
  if (!text.includes('"_aws"')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Object.hasOwn(Object(value), "_aws") ? value : undefined;
  } catch {
    return undefined;
  }
};

const ingest = (
  line: Line,
  { Namespace: namespace, Dimensions, Metrics }: Directive,
  put: (datum: Datum) => void,
  malformed: (reason: string) => void,
): void => {
  const sets: readonly (readonly string[])[] = Dimensions.length > 0 ? Dimensions : [[]];
  for (const { Name: name, Unit: unit } of Metrics) {
    const values = v.safeParse(valuesSchema, line[name]);
    if (!values.success) {
      malformed(`${name} is no number, and no list of at most 100 numbers`);
      continue;
    }
    for (const set of sets) {
      const lacking = set.find((key) => typeof line[key] !== "string");
      if (lacking !== undefined) {
        malformed(`dimension ${lacking} has no string`);
        continue;
      }
      const dimensions = Object.fromEntries(set.map((key) => [key, String(line[key])]));
      for (const value of [values.output].flat()) {
        put({ namespace, name, dimensions, value, unit, timestamp: line._aws.Timestamp });
      }
    }
  }
};
