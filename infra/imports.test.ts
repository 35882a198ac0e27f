import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";

const root = path.resolve(import.meta.dirname, "..");
const run = promisify(execFile);

interface Report {
  readonly summary: {
    readonly violations: readonly {
      readonly rule: { readonly name: string };
      readonly from: string;
      readonly to: string;
    }[];
  };
}

/** The violations in a project of these files, by the rules of this project. */
const violationsIn = async (files: Readonly<Record<string, string>>): Promise<string[]> => {
  const folder = await mkdtemp(path.join(tmpdir(), "lectern-imports-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [name, source] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), source);
  }
  const bin = path.join(root, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs");
  const hasInfra = Object.keys(files).some((name) => name.startsWith("infra/"));
  const found = ["", ".folders"].map(async (kind) => {
    const config = path.join(root, `.dependency-cruiser${kind}.mjs`);
    const args = [
      bin,
      "--config",
      config,
      "--output-type",
      "json",
      "packages",
      ...(hasInfra ? ["infra"] : []),
    ];
    const { stdout } = await run(process.execPath, args, { cwd: folder, maxBuffer: 100_000_000 });
    const { summary }: Report = JSON.parse(stdout);
    return summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`);
  });
  return (await Promise.all(found)).flat().sort();
};

const importing = (...names: readonly string[]): string =>
  ["export const value = 1;", ...names.map((name) => `import "${name}";`)].join("\n");

test("finds circles of files and of core's folders, another import of sst, and an unresolved import", async () => {
  expect(
    await violationsIn({
      // One of the two imports is of a type.
      "packages/protocol/src/a.ts": importing("./b.js"),
      "packages/protocol/src/b.ts":
        'import type { value } from "./a.js";\nexport type Value = typeof value;\n',
      // The folders are in a circle, but no files are.
      "packages/core/src/index.ts": importing("./join/one.js", "./reaper/one.js"),
      "packages/core/src/row.ts": importing(),
      "packages/core/src/join/one.ts": importing("../reaper/two.js", "../row.js"),
      "packages/core/src/join/two.ts": importing(),
      "packages/core/src/reaper/one.ts": importing("../join/two.js"),
      "packages/core/src/reaper/two.ts": importing("../row.js"),
      "packages/functions/src/resources.ts": importing("sst"),
      "packages/functions/src/core.ts": importing("sst"),
      "packages/functions/src/edge.ts": importing("./gone.js"),
      "node_modules/sst/package.json": '{ "name": "sst", "main": "index.js" }',
      "node_modules/sst/index.js": "export {};",
    }),
  ).toEqual([
    "every-import-resolves: packages/functions/src/edge.ts → ./gone.js",
    "no-circle-of-core-folders: packages/core/src/join → packages/core/src/reaper",
    "no-circle-of-core-folders: packages/core/src/reaper → packages/core/src/join",
    "no-circle-of-files: packages/protocol/src/a.ts → packages/protocol/src/b.ts",
    "only-resources-imports-sst: packages/functions/src/core.ts → node_modules/sst/index.js",
  ]);
});

test("folders of core may import each other in one direction", async () => {
  expect(
    await violationsIn({
      "packages/core/src/index.ts": importing("./join/one.js"),
      "packages/core/src/row.ts": importing(),
      "packages/core/src/join/one.ts": importing("../reaper/two.js", "../row.js"),
      "packages/core/src/reaper/two.ts": importing("../row.js"),
    }),
  ).toEqual([]);
});

test("each part imports only the parts that the design allows", async () => {
  const packages = ["protocol", "client", "core", "functions", "web", "offline-aws", "cli", "e2e", "new"];
  const folders = Object.fromEntries([
    ["infra", "infra"],
    ...packages.map((name) => [name, `packages/${name}/src`]),
  ]);
  const pairs = Object.keys(folders).flatMap((from) =>
    Object.keys(folders)
      .filter((to) => to !== from)
      .map((to) => ({ from, to })),
  );
  const fileOf = (part: string, name: string): string => `${folders[part]}/${name}.ts`;
  const violations = await violationsIn(
    Object.fromEntries([
      ...Object.keys(folders).map((part) => [fileOf(part, "index"), importing()]),
      ...pairs.flatMap(({ from, to }) =>
        [`to-${to}`, `to-${to}.test`].map((name) => [
          fileOf(from, name),
          importing(path.posix.relative(folders[from] ?? "", `${folders[to]}/index.js`)),
        ]),
      ),
    ]),
  );
  const refused = new Set(violations.map((violation) => violation.replace(/^[\w-]+: /, "")));
  const allowed = (suffix: string) =>
    Object.fromEntries(
      Object.keys(folders).map((part) => [
        part,
        pairs
          .filter(({ from }) => from === part)
          .filter(({ to }) => !refused.has(`${fileOf(part, `to-${to}${suffix}`)} → ${fileOf(to, "index")}`))
          .map(({ to }) => to)
          .sort(),
      ]),
    );
  const code = {
    protocol: [],
    client: ["protocol"],
    core: ["protocol"],
    functions: ["core", "protocol"],
    web: ["client", "protocol"],
    "offline-aws": [],
    infra: ["core"],
    cli: ["client", "core", "infra", "offline-aws", "protocol"],
    e2e: ["cli", "client", "core", "functions", "infra", "offline-aws", "protocol"],
    // A package that .dependency-cruiser.mjs does not list.
    new: [],
  };
  expect(allowed("")).toEqual(code);
  expect(allowed(".test")).toEqual({
    ...code,
    client: ["offline-aws", "protocol"],
    core: ["offline-aws", "protocol"],
    functions: ["core", "offline-aws", "protocol"],
    infra: ["cli", "core", "offline-aws"],
  });
});
