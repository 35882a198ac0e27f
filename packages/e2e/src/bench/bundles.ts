import { execFile } from "node:child_process";
import { stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { asDuration, median } from "@lectern/cli/statistic";
import { type Plan, plan, synth } from "offline-aws";
import { type Bench, type Benchmark, budgets, type Report } from "./benchmark.js";
import { bundled, startTrivialServer, temporaryFolder } from "./harness.js";

/** A bundle whose load time is measured. */
interface Subject {
  readonly name: string;
  readonly file: string;
  readonly environment: Readonly<Record<string, string>>;
}

interface Bundle {
  readonly name: string;
  readonly kb: number;
  readonly loadMs: number;
  /** Load time as a multiple of the bare SDK's. */
  readonly ratio: number;
}

const baselineName = "bare SDK";

export const bundles: Benchmark = {
  name: "bundles",
  summary: "Each function's minified bundle: its size, and its load time against the bare SDK's.",
  run: async (bench: Bench): Promise<Report> => {
    const { root, say, rounds = 9 } = bench;
    const folder = await temporaryFolder(bench);
    const graph = await synth({ root, stage: "prod", say });
    const functions = plan(graph).functions;
    say(`Bundling ${functions.length} functions, then loading each in ${rounds} new processes`);
    const subjects = await Promise.all(functions.map((fn) => bundle(root, folder, fn)));
    const baseline = await bundleBaseline(folder);
    const loader = path.join(folder, "load.mjs");
    await writeFile(loader, loaderSource);

    // The authorizer fetches the user pool's keys when it loads.
    const issuer = await startTrivialServer(bench.scope, '{"keys":[]}');
    const times = new Map<Subject, number[]>();
    for (let round = 0; round < rounds; round += 1) {
      // In turns: what else this machine does meanwhile slows all of them alike.
      for (const subject of [baseline, ...subjects]) {
        times.set(subject, [...(times.get(subject) ?? []), await load(loader, subject, issuer)]);
      }
    }
    const bareMs = median(times.get(baseline) ?? []);
    const measured = await Promise.all(
      [baseline, ...subjects].map(async (subject): Promise<Bundle> => {
        const loadMs = median(times.get(subject) ?? []);
        const { size } = await stat(subject.file);
        return { name: subject.name, kb: size / 1_000, loadMs, ratio: loadMs / bareMs };
      }),
    );
    return report(measured, rounds);
  },
};

/** Bundles a function as SST deploys it. */
export const bundle = async (
  root: string,
  folder: string,
  fn: Plan["functions"][number],
): Promise<Subject> => {
  const source = { absWorkingDir: root, entryPoints: [fn.handler.replace(/\.\w+$/, ".ts")] };
  const links = Object.entries(fn.links).map(([name, link]) => [
    `SST_RESOURCE_${name}`,
    JSON.stringify(link),
  ]);
  return {
    name: fn.name,
    file: await bundled(folder, source, fn),
    environment: { ...fn.environment, ...Object.fromEntries(links) },
  };
};

/** Bundles what every function that uses DynamoDB must load. */
const bundleBaseline = async (folder: string): Promise<Subject> => {
  const stdin = {
    resolveDir: path.dirname(fileURLToPath(import.meta.resolve("@lectern/core"))),
    contents: `
      import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
      import { DeleteCommand, DynamoDBDocumentClient, GetCommand, paginateQuery, PutCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
      const db = DynamoDBDocumentClient.from(new DynamoDBClient({ region: "us-east-1" }));
      export const used = [db, DeleteCommand, GetCommand, paginateQuery, PutCommand, UpdateCommand];
    `,
  };
  return {
    name: baselineName,
    file: await bundled(folder, { stdin }, { name: baselineName }),
    environment: {},
  };
};

/** Prints the time of an import in ms, without the start of Node itself. */
const loaderSource = `
  import { pathToFileURL } from "node:url";
  const url = pathToFileURL(process.argv[2]).href;
  const begun = performance.now();
  await import(url);
  process.stdout.write(String(performance.now() - begun));
  process.exit(0);
`;

const load = async (
  loader: string,
  { name, file, environment }: Subject,
  issuer: string,
): Promise<number> => {
  const { stdout } = await promisify(execFile)(process.execPath, [loader, file], {
    timeout: 120_000,
    env: {
      PATH: process.env.PATH,
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: "bench",
      AWS_SECRET_ACCESS_KEY: "bench",
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
      AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: issuer,
      ...environment,
    },
  });
  const took = Number(stdout);
  if (!(took > 0)) throw new Error(`${name} could not be loaded: ${stdout.slice(0, 200)}`);
  return took;
};

const report = (measured: readonly Bundle[], rounds: number): Report => ({
  title: "Bundles: size and cold load of each function, as it is deployed",
  header: ["function", "size", "budget", "load", "of the bare SDK", "budget"],
  rows: measured.map(({ name, kb, loadMs, ratio }) => {
    const isBaseline = name === baselineName;
    return [
      name.replace(/-prod$/, ""),
      `${kb.toFixed(0)} KB`,
      isBaseline ? "" : `≤ ${budgets.bundleKb} KB`,
      asDuration(loadMs),
      `${ratio.toFixed(2)} ×`,
      isBaseline ? "" : `≤ ${budgets.loadRatio} ×`,
    ];
  }),
  notes: [`Load: the import in a new process, median of ${rounds} runs taken in turns. 1 KB is 1,000 bytes.`],
  exceeded: measured
    .filter(({ name }) => name !== baselineName)
    .flatMap(({ name, kb, ratio }) => [
      ...(kb > budgets.bundleKb ? [`${name}: ${kb.toFixed(0)} KB, budget ${budgets.bundleKb} KB`] : []),
      ...(ratio > budgets.loadRatio
        ? [`${name}: loads in ${ratio.toFixed(2)} × the bare SDK's time, budget ${budgets.loadRatio} ×`]
        : []),
    ]),
  figures: measured,
});
