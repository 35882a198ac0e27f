import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const run = promisify(execFile);
const read = (file: string): string => readFileSync(path.join(root, file), "utf8");

/** An expression of a workflow: `expression("github.sha")` → `${{ github.sha }}`. */
const expression = (text: string): string => `\${{ ${text} }}`;

const lint = (...files: string[]) =>
  run(process.execPath, [".github/scripts/lint.mjs", ...files], { cwd: root }).then(
    ({ stdout }) => ({ code: 0, output: stdout }),
    ({ code, stderr }) => ({ code, output: String(stderr) }),
  );

const preview = read(".github/workflows/preview.yml");

const broken = [
  {
    name: "a job that needs an unknown job",
    file: "needs.yml",
    source: preview.replace("[deploy, remove]", "[deply]"),
    problem: /deply/,
  },
  {
    name: "an unknown key",
    file: "key.yml",
    source: preview.replace("timeout-minutes: 5", "timeout: 5"),
    problem: /Additional property 'timeout' is not allowed/,
  },
  {
    name: "the title of a pull request in a script",
    file: "title.yml",
    source: preview.replace(
      "run: node ../",
      `run: echo ${expression("github.event.pull_request.title")}; node ../`,
    ),
    problem: /potentially untrusted/,
  },
  {
    name: "an output of an unknown step",
    file: "output.yml",
    source: preview.replaceAll("steps.result.outputs", "steps.results.outputs"),
    problem: /"results" is not defined/,
  },
  {
    name: "a file that is not YAML",
    file: "text.yml",
    source: "on: [push\njobs:",
    problem: /did not find expected/,
  },
  {
    name: "an action that breaks the schema",
    file: "action.yml",
    source: read(".github/actions/deploy/action.yml").replace("shell: bash", "shel: bash"),
    problem: /Additional property 'shel' is not allowed/,
  },
];

describe("the linter", () => {
  let folder: string;
  let refused: Awaited<ReturnType<typeof lint>>;
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "workflows-"));
    for (const { file, source } of broken) writeFileSync(path.join(folder, file), source);
    refused = await lint(...broken.map(({ file }) => path.join(folder, file)));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test("finds no problem in this repository", async () => {
    expect(await lint()).toEqual({ code: 0, output: "Checked 6 workflows and actions.\n" });
  });

  test("fails on a problem", () => {
    expect(refused.code).toBe(1);
  });

  test.each(broken)("refuses $name", ({ file, problem }) => {
    const lines = refused.output.split("\n").filter((line) => line.startsWith(path.join(folder, file)));
    expect(lines.join("\n")).toMatch(problem);
  });
});
