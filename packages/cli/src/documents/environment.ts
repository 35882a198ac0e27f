import {
  contradictions,
  environmentName,
  type SettingName,
  settingNames,
  settingsSchema,
} from "@lectern/core/settings";
import { type Graph, plan, UserError } from "offline-aws";
import * as v from "valibot";
import { settingsFor } from "../../../../infra/settings.js";
import { deploymentSchema } from "../../../../infra/settings.schema.js";
import { code, markdownTable } from "./text.js";

/** What the functions find in their environment beside the settings. Each must be described, and nothing else. */
const functionVariables: Readonly<Record<string, string>> = {
  ENV: "The stage's name.",
  REGION: "The stage's region.",
  SESSIONS_TABLE: "The name of the table of sessions.",
  CONNECTIONS_TABLE: "The name of the table of connections.",
  RATE_LIMITS_TABLE: "The name of the table of limits and signs of life.",
  API_GATEWAY_ENDPOINT: "Where frames are posted to clients, by HTTPS.",
  USER_POOL_ID: "The user pool whose tokens are taken.",
  CLIENT_ID: "The pool's app client whose tokens are taken.",
  HEARTBEAT_LOG_SAMPLING: "The setting `heartbeatLogSampling`.",
  POWERTOOLS_SERVICE_NAME: "The name under which the function logs.",
  POWERTOOLS_LOG_LEVEL: "The setting `logLevel`.",
};

/** Variables that commands and tests read from their own environment: name, who reads it, what it is. */
const commandVariables: readonly (readonly [name: string, who: string, what: string])[] = [
  [
    "LECTERN_PASSWORD",
    "`npm run verify`",
    "The password of the speaker whom `--user` names: a command line would show it to everybody on the machine.",
  ],
  [
    "AWS_PROFILE",
    "`npm run verify`, `npm run drain`, `npm run languages`, and SST's commands: `npm run deploy`, `npm run diff`, `npm run dev`, `npm run remove`, `npm run refresh`, `npm run unlock`",
    "Whose AWS credentials are used; `AWS_ACCESS_KEY_ID` and the SDK's other variables work as everywhere.",
  ],
  [
    "AWS_REGION",
    "`npm run verify`, `npm run languages`",
    "The region, where no option, address or pool says it; `npm run verify` takes `AWS_DEFAULT_REGION` too.",
  ],
  [
    "SST_STAGE",
    "SST's commands",
    "The stage, where `--stage` does not say it. Variables of SST's commands may also stand in a file `.env`, or `.env.<stage>`.",
  ],
  [
    "SST_TELEMETRY_DISABLED",
    "SST's commands",
    "`1` keeps SST from telling its makers about each command and its errors. The commands here set it; `0` lets it.",
  ],
  ["NO_COLOR", "every command", "Set to anything, it keeps colours off a terminal."],
  ["TERM", "every command", "Where it is `dumb`, there are no colours."],
  [
    "DYNAMODB_ENGINE",
    "`npm run test:engine`, `npm test`",
    "`dynamodb-local` runs the tests on Amazon's DynamoDB Local, which needs Java 17, instead of the embedded engine.",
  ],
  ["FC_SEED", "`npm test`", "A number: other random walks than the usual ones."],
  ["CI", "`npm test`", "`true` makes a missing browser a failure, where its test is otherwise left out."],
  [
    "HEARTBEAT_MS",
    "the examples of the client guide",
    "Milliseconds between two heartbeats. Default: 30000.",
  ],
];

/**
 * The document of everything that can be set from outside.
 * @throws {UserError} when a function has a variable that is not described here
 */
export const environmentDocument = (graph: Graph): string =>
  [
    "# Settings and environment variables",
    "Your settings live in `infra/deployments.ts`, by stage. They override the project's own settings and the defaults, which are in `infra/settings.ts`. Change a setting there and deploy. A wrong value or an unknown name stops the deployment, or the start, with one sentence that names the setting.",
    "On the local stack a setting is given when it starts, in either spelling:",
    "```sh\nnpm start -- --set speakerGraceSeconds=5 --set MAX_LISTENERS_PER_SESSION=3\n```",
    "Only `staging` and `prod` have something otherwise from the project. Every other stage (your own, `local`, `pr-7`, also one called `production`) has the defaults, until `deployments` says otherwise; there `pr-*` stands for every preview. Minutes and hours may be fractions.",
    "## What the functions run by",
    "Each function finds every one of these in its environment, under the variable's name, and reads them once when it starts.",
    markdownTable(
      ["setting", "variable", "default", "must", "what it is"],
      Object.entries(settingsSchema.entries).map(([name, schema]) => settingRow(name, schema)),
    ),
    "Values that contradict each other are refused:",
    refusedContradictions().join("\n"),
    "## What concerns the deployment alone",
    markdownTable(
      ["setting", "variable", "default", "must", "what it is"],
      Object.entries(deploymentSchema.entries).map(([name, schema]) => settingRow(name, schema)),
    ),
    "The variable's name is the other spelling that `--set` takes. `cognitoUserPoolId` and `cognitoClientId` go together: one without the other is refused.",
    "## The functions' other variables",
    "Set by the deployment, not by hand. The values are those of `prod`.",
    markdownTable(["variable", "on `prod`", "functions", "what it is"], variableRows(graph)),
    "The signing key is in no variable: SST hands it over encrypted, to the functions that are linked to it.",
    "## Variables of commands and tests",
    markdownTable(
      ["variable", "read by", "what it is"],
      commandVariables.map(([name, who, what]) => [code(name), who, what]),
    ),
  ].join("\n\n");

const settingRow = (name: string, schema: v.GenericSchema): string[] => {
  const inner = isOptional(schema) ? schema.wrapped : schema;
  return [
    code(name),
    code(environmentName(name)),
    valuesOf(name),
    rulesOf(inner).join(", ") || "–",
    v.getDescription(inner) ?? "",
  ];
};

const isOptional = (schema: v.GenericSchema): schema is v.OptionalSchema<v.GenericSchema, undefined> =>
  schema.type === "optional";

const named = ["staging", "prod"];

/** The default, and the stages that have it otherwise. */
const valuesOf = (name: string): string => {
  const on = (stage: string): string => {
    const value = Object.entries(settingsFor(stage)).find(([known]) => known === name)?.[1];
    return value === undefined ? "none" : code(JSON.stringify(value).replaceAll('"', ""));
  };
  const others = named.filter((stage) => on(stage) !== on("dev")).map((stage) => `${stage} ${on(stage)}`);
  return [on("dev"), ...others].join("; ");
};

/** What the schema says of a wrong value, without the word that the table's header has: `be at least 1`. */
const rulesOf = (schema: v.GenericSchema): string[] => {
  const parts: readonly unknown[] = "pipe" in schema && Array.isArray(schema.pipe) ? schema.pipe : [schema];
  const rules = parts.flatMap((part) => {
    if (part !== schema && isPiped(part)) return rulesOf(part);
    const parsed = v.safeParse(ruleSchema, part);
    return parsed.success ? [parsed.output.message.replace(/^must /, "")] : [];
  });
  const [first, ...others] = new Set(rules);
  // What else it must be says that it is a number.
  return others.length > 0 && first === "be a number" ? others : [...new Set(rules)];
};

const ruleSchema = v.object({ message: v.string() });

const isPiped = (part: unknown): part is v.GenericSchema =>
  typeof part === "object" && part !== null && "pipe" in part;

const refusedContradictions = (): string[] =>
  contradictions(settingsFor("dev")).map(([name, , why]) => `- ${code(name)} ${spelled(why)}.`);

/** With the settings in it written as such. */
const spelled = (sentence: string): string =>
  sentence.replace(/\b[a-z]+[A-Z]\w+/g, (word) => (isSetting(word) ? code(word) : word));

const isSetting = (word: string): word is SettingName => settingNames.some((name) => name === word);

const variableRows = (graph: Graph): string[][] => {
  const { functions } = plan(graph);
  const asSettings = new Set(settingNames.map(environmentName));
  const names = new Set(functions.flatMap(({ environment }) => Object.keys(environment)));
  const own = [...names].filter((name) => !asSettings.has(name) && !name.startsWith("SST_RESOURCE_"));
  const undescribed = own.filter((name) => functionVariables[name] === undefined);
  const surplus = Object.keys(functionVariables).filter((name) => !names.has(name));
  if (undescribed.length + surplus.length > 0) {
    throw new UserError(
      `functionVariables in packages/cli/src/documents/environment.ts must describe ${[...undescribed, ...surplus].join(", ")} or not, as the functions have it.`,
    );
  }
  return Object.keys(functionVariables).map((name) => {
    const having = functions.filter(({ environment }) => environment[name] !== undefined);
    const values = new Set(having.map(({ environment }) => String(environment[name])));
    const [value = ""] = values;
    return [
      code(name),
      values.size > 1 ? "the function's own" : shown(name, value),
      having.length === functions.length ? "all" : briefly(functions, having),
      functionVariables[name] ?? "",
    ];
  });
};

/** Ids are made by AWS: the evaluated ones stand for nothing. */
const shown = (name: string, value: string): string => {
  if (["USER_POOL_ID", "CLIENT_ID"].includes(name)) return "made by AWS";
  return code(value.replace(/\/\/[^.]+\./, "//<api>."));
};

interface Named {
  readonly name: string;
}

/** The functions that have it, or, when these are most, those that have not. */
const briefly = (all: readonly Named[], having: readonly Named[]): string => {
  const without = all.filter((fn) => !having.includes(fn));
  const list = (functions: readonly Named[]) =>
    functions.map(({ name }) => code(name.replace(/-prod$/, ""))).join(", ");
  return without.length < having.length ? `all but ${list(without)}` : list(having);
};
