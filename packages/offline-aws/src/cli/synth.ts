import type { Graph, Json } from "../synth/graph.js";
import { synth as evaluate } from "../synth/synth.js";
import type { Command } from "./command.js";
import { say } from "./progress.js";
import { parseSettings, parseStage, settingsOption } from "./settings.js";

/** Shows what a deployment would create, without a cloud. */
export const synth: Command = {
  name: "synth",
  summary: "Show every resource that a deployment of a stage would create.",
  call: "npm run synth --",
  options: {
    stage: { type: "string", value: "STAGE", help: "The stage to evaluate. Default: local." },
    json: { type: "boolean", help: "Print JSON: resources with their inputs, and outputs." },
    ...settingsOption,
  },
  run: async (given) => {
    const stage = parseStage(given.text("stage") ?? "local");
    const settings = parseSettings(given.texts("set"));
    const graph = await evaluate({ root: given.root, stage, settings, say });
    console.log(given.flag("json") ? asJson(graph) : asText(graph));
  },
};

const asJson = ({ app, resources, outputs }: Graph): string =>
  JSON.stringify(
    {
      app,
      resources: resources.map(({ id: _id, ...resource }) => resource),
      outputs,
    },
    undefined,
    2,
  );

/** The resources that AWS would get, by type, with what distinguishes them; then the outputs. */
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

/** What an operator looks for first, where a resource has it. */
const shown = [
  "memorySize",
  "timeout",
  "runtime",
  "architectures",
  "hashKey",
  "rangeKey",
  "ttl",
  "globalSecondaryIndexes",
  "streamViewType",
  "pointInTimeRecovery",
  "deletionProtectionEnabled",
  "deletionProtection",
  "billingMode",
  "defaultRouteSettings",
  "routeKey",
  "routeResponseSelectionExpression",
  "authorizationType",
  "retentionInDays",
  "scheduleExpression",
  "startingPosition",
  "batchSize",
];

const lineOf = (name: string, inputs: Readonly<Record<string, Json>>): string => {
  const physical = typeof inputs.name === "string" ? inputs.name : name;
  const details = shown.flatMap((key) => {
    const value = inputs[key];
    return value === undefined ? [] : [`${key}=${asWord(value)}`];
  });
  return [physical, ...details].join("  ");
};
