import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Stack } from "../stack/stack.js";
import { startStack } from "../stack/start.js";
import type { Graph, JsonObject, Resource } from "../synth/graph.js";

export interface FunctionSource {
  /** A module that exports `handler`. */
  readonly code: string;
  readonly timeout?: number;
  readonly logFormat?: "JSON" | "Text";
  readonly environment?: Readonly<Record<string, string>>;
  /** The statements of its role. */
  readonly statements?: readonly { readonly Action: string[]; readonly Resource: string[] }[];
}

export interface SmallStack {
  readonly stack: Stack;
  /** For a client of the SDK, as an operator. */
  readonly client: ReturnType<typeof clientOptions>;
  stop(): Promise<void>;
}

/** Runs a program of these functions, each with a log group, and these other resources. */
export const startSmallStack = async (
  functions: Readonly<Record<string, FunctionSource>>,
  others: readonly Resource[] = [],
): Promise<SmallStack> => {
  const root = await mkdtemp(path.join(tmpdir(), "offline-aws-service-"));
  await mkdir(path.join(root, "src"));
  for (const [name, { code }] of Object.entries(functions))
    await writeFile(path.join(root, `src/${name}.ts`), code);
  const stack = await startStack({ root, schedules: false, graph: graphOf(functions, others) });
  return {
    stack,
    client: clientOptions(stack, "AKIAOPERATOR"),
    stop: async () => {
      await stack.stop();
      await rm(root, { recursive: true, force: true });
    },
  };
};

/** One attempt each: a test sees the first answer. */
export const clientOptions = ({ httpUrl, region }: Stack, accessKeyId: string) => ({
  endpoint: httpUrl,
  region,
  credentials: { accessKeyId, secretAccessKey: "any" },
  maxAttempts: 1,
});

/** A client's options as a function of the stack has them: `me` must return its access key's id. */
export const clientOptionsOf = async (stack: Stack, functionName: string) => {
  const outcome = await stack.invoke(functionName, {});
  if (outcome.kind !== "returned") throw new Error(`${functionName} did not return`);
  return clientOptions(stack, String(outcome.payload));
};

/** The code of a function that returns its access key's id. */
export const whoAmI = "export const handler = async () => process.env.AWS_ACCESS_KEY_ID;";

export const resource = (type: string, id: string, inputs: JsonObject): Resource => ({
  type,
  name: id,
  id,
  inputs,
});

const graphOf = (
  functions: Readonly<Record<string, FunctionSource>>,
  others: readonly Resource[],
): Graph => ({
  app: { name: "fixture", stage: "local", removal: "remove", protect: false, providers: {} },
  resources: [...Object.entries(functions).flatMap(([name, source]) => resourcesOf(name, source)), ...others],
  functions: Object.keys(functions).map((name) => ({
    functionID: name,
    handler: `src/${name}.handler`,
    runtime: "nodejs22.x",
    links: {},
    properties: {},
  })),
  outputs: {},
  sources: [],
});

const resourcesOf = (name: string, source: FunctionSource): Resource[] => {
  const { timeout = 10, logFormat = "JSON", environment = {}, statements = [] } = source;
  const policy = JSON.stringify({ Statement: statements.map((each) => ({ Effect: "Allow", ...each })) });
  return [
    resource("aws:iam/role:Role", `${name}-role`, { name: `${name}-role`, inlinePolicies: [{ policy }] }),
    resource("aws:cloudwatch/logGroup:LogGroup", `${name}-logs`, { name: `/aws/lambda/${name}` }),
    {
      ...resource("aws:lambda/function:Function", name, {
        name,
        role: `arn:aws:iam::000000000000:role/${name}-role`,
        timeout,
        memorySize: 128,
        runtime: "nodejs22.x",
        environment: { variables: environment },
        loggingConfig: { logFormat, logGroup: `/aws/lambda/${name}` },
      }),
      name: `${name}Function`,
    },
  ];
};
