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

describe("the linter", () => {
  const lint = (...given: string[]) =>
    run(process.execPath, [".github/scripts/lint.mjs", ...given], { cwd: root }).then(
      ({ stdout }) => ({ code: 0, output: stdout }),
      ({ code, stderr }) => ({ code, output: stderr }),
    );
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), "workflows-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test("finds no problem in this repository", async () => {
    expect(await lint()).toEqual({ code: 0, output: "Checked 6 workflows and actions.\n" });
  });

  const preview = () => read(".github/workflows/preview.yml");

  test.each([
    ["a job that needs an unknown job", () => preview().replace("[deploy, remove]", "[deply]"), /deply/],
    [
      "an unknown key",
      () => preview().replace("timeout-minutes: 5", "timeout: 5"),
      /Additional property 'timeout' is not allowed/,
    ],
    [
      "the title of a pull request in a script",
      () =>
        preview().replace(
          "run: node ../",
          `run: echo ${expression("github.event.pull_request.title")}; node ../`,
        ),
      /potentially untrusted/,
    ],
    [
      "an output of an unknown step",
      () => preview().replaceAll("steps.result.outputs", "steps.results.outputs"),
      /"results" is not defined/,
    ],
    ["a file that is not YAML", () => "on: [push\njobs:", /did not find expected/],
  ])("refuses a workflow with %s", async (name, source, sentence) => {
    const file = path.join(folder, `${name.replaceAll(" ", "-")}.yml`);
    writeFileSync(file, source());
    const { code, output } = await lint(file);
    expect(code).toBe(1);
    expect(output).toMatch(sentence);
  });

  test("refuses an action that breaks the schema", async () => {
    const file = path.join(folder, "action.yml");
    writeFileSync(file, read(".github/actions/deploy/action.yml").replace("shell: bash", "shel: bash"));
    const { code, output } = await lint(file);
    expect(code).toBe(1);
    expect(output).toContain("Additional property 'shel' is not allowed");
  });
});
