import type { Graph, Json } from "../synth/graph.js";
import { synth as evaluate } from "../synth/synth.js";
import { command } from "./command-line.js";
import { parseSettings, parseStage, programArgs } from "./settings.js";
import { say } from "./terminal.js";

/** Shows what a deployment would create, without a cloud. */
export const synth = command({
  meta: { name: "synth", description: "Show every resource that a deployment of a stage would create." },
  args: {
    ...programArgs,
    dev: {
      type: "boolean",
      description: "Show what live mode (sst dev) would create: stubs instead of functions.",
    },
    json: {
      type: "boolean",
      description: "Print one line of JSON: resources with their inputs, and outputs.",
    },
  },
  run: async ({ args, rawArgs }) => {
    const stage = parseStage(args.stage);
    const settings = parseSettings(rawArgs);
    const graph = await evaluate({ root: process.cwd(), stage, settings, dev: args.dev === true, say });
    console.log(args.json ? asJson(graph) : asText(graph));
  },
});

const asJson = ({ app, resources, outputs }: Graph): string =>
  JSON.stringify({ app, resources: resources.map(({ id: _id, ...resource }) => resource), outputs });

/** The resources that AWS would get, by type, with their main inputs; then the outputs. */
const asText = ({ app, resources, outputs }: Graph): string => {
  const real = resources.filter(({ type }) => !type.startsWith("sst:") && !type.startsWith("pulumi:"));
  const types = [...new Set(real.map(({ type }) => type))].sort();
  const removal = `removal ${app.removal}${app.protect ? ", protected" : ""}`;
  return [
    `${app.name} on stage ${app.stage} (${removal}): ${real.length} resources`,
    ...types.flatMap((type) => [
      "",
      type,
      ...real
        .filter((resource) => resource.type === type)
        .map(({ name, inputs }) => `  ${lineOf(name, inputs)}`),
    ]),
    "",
    "Outputs",
    ...Object.entries(outputs).map(([name, value]) => `  ${name}  ${asWord(value)}`),
  ].join("\n");
};

const asWord = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** The inputs that an operator looks for first. */
const shown =
  "memorySize timeout runtime architectures hashKey rangeKey ttl globalSecondaryIndexes streamViewType pointInTimeRecovery deletionProtectionEnabled deletionProtection billingMode defaultRouteSettings routeKey routeResponseSelectionExpression authorizationType retentionInDays scheduleExpression startingPosition batchSize".split(
    " ",
  );

const lineOf = (name: string, inputs: Readonly<Record<string, Json>>): string => {
  const physical = typeof inputs.name === "string" ? inputs.name : name;
  const details = shown.flatMap((key) => {
    const value = inputs[key];
    return value === undefined ? [] : [`${key}=${asWord(value)}`];
  });
  return [physical, ...details].join("  ");
};
