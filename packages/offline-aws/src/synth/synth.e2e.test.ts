import { access, cp, mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { program, projectRoot, temporaryFolder, temporaryProject } from "../testing.js";
import { synth } from "./synth.js";

/** The error of an evaluation with this text in `infra/part.ts`. */
const said = async (part: string): Promise<string> => {
  const root = await temporaryProject({
    "sst.config.ts": program('await import("./infra/part"); return {};'),
    "infra/part.ts": part,
  });
  return synth({ root, stage: "dev" }).then(
    () => "nothing",
    (error: Error) => `${error.name}: ${error.message}`,
  );
};

describe("a broken program gives one sentence with file and line", () => {
  test("when it cannot be parsed", async () => {
    expect(await said("export const a = 1;\nexport const b: = 2;\n")).toBe(
      'UserError: sst.config.ts cannot be built: infra/part.ts:2: Unexpected "="',
    );
  });

  test("when it imports a missing file", async () => {
    expect(await said('\n\nimport "./nowhere";\n')).toBe(
      'UserError: sst.config.ts cannot be built: infra/part.ts:3: Could not resolve "./nowhere"',
    );
  });

  test("when it throws", async () => {
    expect(await said("const a = 1;\n\nthrow new Error(`no $" + "{a}`);\n")).toBe(
      "UserError: sst.config.ts cannot be evaluated: infra/part.ts:3: no 1",
    );
  });

  test("when an input of a resource fails, long after the program's last line", async () => {
    const part = [
      "const name = $output('x').apply((): string => {",
      "  throw new Error('late');",
      "});",
      "new sst.aws.SnsTopic('T', { transform: { topic: { name } } });",
    ];
    expect(await said(part.join("\n"))).toBe(
      "UserError: sst.config.ts cannot be evaluated: infra/part.ts:2: late",
    );
  });

  test("when it ends its process", async () => {
    expect(await said("process.exit(3);")).toBe(
      "UserError: The evaluation of sst.config.ts ended before it was done.",
    );
  });
});

test("a program sees $dev as SST's live mode sets it", async () => {
  const root = await temporaryProject({ "sst.config.ts": program("return { dev: $dev, cli: $cli.dev };") });
  expect((await synth({ root, stage: "dev" })).outputs).toEqual({ dev: false, cli: false });
  expect((await synth({ root, stage: "dev", dev: true })).outputs).toEqual({ dev: true, cli: true });
});

test("an error that app() throws on purpose is shown as its message", async () => {
  const root = await temporaryProject({
    "sst.config.ts": `
      class SettingError extends Error { override name = "SettingError"; }
      export default $config({ app: () => { throw new SettingError("Setting x is wrong."); }, async run() {} });
    `,
  });
  await expect(synth({ root, stage: "dev" })).rejects.toMatchObject({
    name: "UserError",
    message: "Setting x is wrong.",
  });
});

test("a program may serialize a function, for which Pulumi needs the TypeScript compiler", async () => {
  const root = await temporaryProject({
    "sst.config.ts": program("return $util.runtime.serializeFunction(() => 6 * 7);"),
  });
  expect((await synth({ root, stage: "dev" })).outputs).toMatchObject({
    text: expect.stringContaining("6 * 7"),
  });
});

test("a project is evaluated in a folder whose name is odd in a URL, a shell or a pattern", async () => {
  const root = path.join(await temporaryFolder(), 'C# 100% my%20app "日本" $HOME');
  const platform = path.join(root, ".sst/platform");
  const installed = path.join(projectRoot, ".sst/platform");
  await mkdir(platform, { recursive: true });
  // A copy, since Node imports from a link's target.
  for (const part of ["src", "package.json", "tsconfig.json", "config.d.ts", "version"])
    await cp(path.join(installed, part), path.join(platform, part), { recursive: true });
  await symlink(path.join(installed, "node_modules"), path.join(platform, "node_modules"));
  await symlink(path.join(projectRoot, "node_modules"), path.join(root, "node_modules"));
  await writeFile(path.join(root, "package.json"), '{"name":"fixture"}');
  await writeFile(
    path.join(root, "sst.config.ts"),
    program('return { topic: new sst.aws.SnsTopic("T").arn };'),
  );
  expect((await synth({ root, stage: "dev" })).outputs).toEqual({ topic: expect.stringContaining(":sns:") });
});

test("outputs are resolved as far as they can be without a cloud, and settings reach the program", async () => {
  const root = await temporaryProject({
    "sst.config.ts": program(`
      const table = new sst.aws.Dynamo("T", {
        fields: { id: "string" },
        primaryIndex: { hashKey: "id" },
        transform: { table: { name: "T-" + $app.stage } },
      });
      return { arn: table.arn, settings: process.env.OFFLINE_AWS_SETTINGS };
    `),
  });
  const graph = await synth({ root, stage: "dev", settings: { a: "1" } });
  expect(graph.outputs).toEqual({
    arn: "arn:aws:dynamodb:us-east-1:000000000000:table/T-dev",
    settings: '{"a":"1"}',
  });
});

test("a resource that is declared inside an apply belongs to the graph, though no output waits for it", async () => {
  const root = await temporaryProject({
    "sst.config.ts": program(`
      const table = new sst.aws.Dynamo("T", {
        fields: { id: "string" },
        primaryIndex: { hashKey: "id" },
        stream: "new-image",
      });
      table.subscribe("S", "src/h.stream");
      return {};
    `),
    "src/h.ts": "export const stream = async () => undefined;",
  });
  const { resources } = await synth({ root, stage: "dev" });
  expect(resources.map(({ type }) => type)).toContain("aws:lambda/eventSourceMapping:EventSourceMapping");
});

test("a resource names the resources that it depends on, by an input or by an option", async () => {
  const root = await temporaryProject({
    "sst.config.ts": program(`
      const topic = new aws.sns.Topic("T", {});
      const queue = new aws.sqs.Queue("Q", {}, { dependsOn: [topic] });
      new aws.sns.TopicSubscription("S", { topic: topic.arn, protocol: "sqs", endpoint: queue.arn });
      return {};
    `),
  });
  const { resources } = await synth({ root, stage: "dev" });
  expect(resources.flatMap(({ name, dependsOn }) => (dependsOn ? [[name, dependsOn]] : []))).toEqual([
    ["Q", ["aws:sns/topic:Topic/T"]],
    ["S", ["aws:sns/topic:Topic/T", "aws:sqs/queue:Queue/Q"]],
  ]);
});

test("the files of a killed evaluation are removed from the platform", async () => {
  const left = path.join(projectRoot, ".sst/platform/offline-4194305-1.mjs");
  await writeFile(left, "");
  const root = await temporaryProject({ "sst.config.ts": program("return {};") });
  await synth({ root, stage: "dev" });
  await expect(access(left)).rejects.toThrow("ENOENT");
});

test("an aborted evaluation ends at once, however long the program would take", async () => {
  const root = await temporaryProject({
    "sst.config.ts": program(`
      const { writeFileSync } = await import("node:fs");
      writeFileSync("evaluating", "");
      await new Promise((resolve) => setTimeout(resolve, 600_000));
    `),
  });
  const giving = new AbortController();
  const evaluating = synth({ root, stage: "dev", signal: giving.signal });
  const begun = () => access(path.join(root, "evaluating"));
  await expect.poll(begun).toBeUndefined();
  giving.abort();
  await expect(evaluating).rejects.toThrow("abort");
});

// After evaluations that succeeded and evaluations that failed.
test("evaluations leave no file of their own in the platform", async () => {
  const files = await readdir(path.join(projectRoot, ".sst/platform"));
  expect(files.filter((file) => file.startsWith(`offline-${process.pid}-`))).toEqual([]);
});
