import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { folder, inRed, projectWith, sha, step, useGitHub } from "../testing/github-api";

useGitHub();

/** A project whose npm script prints its arguments and count, and passes after this many failures with this line. */
const projectThatFails = (script: string, failures: number, line?: string) => {
  const command = [
    'import { existsSync, readFileSync, writeFileSync } from "node:fs";',
    'const count = (existsSync("count") ? Number(readFileSync("count")) : 0) + 1;',
    'writeFileSync("count", String(count));',
    'console.log(JSON.stringify(process.argv.slice(2)), "run", count);',
    `if (count <= ${failures}) process.exitCode = 1;`,
    ...(line ? [`if (count <= ${failures}) console.error(${JSON.stringify(line)});`] : []),
  ];
  writeFileSync(path.join(folder, "failing.mjs"), command.join("\n"));
  const scripts = { [script]: "node failing.mjs" };
  writeFileSync(path.join(folder, "package.json"), JSON.stringify({ scripts }));
};

describe.each([
  ["deploy", { STAGE: "pr-7" }, "pr-7 could not be deployed."],
  ["remove", { NUMBER: "7" }, "pr-7 could not be removed."],
] as const)(
  "npm run %s, refused by API Gateway because of another change of the API,",
  (script, variables, failure) => {
    const line = inRed(
      "creating API Gateway v2 Route: ConflictException: Unable to complete operation due to concurrent modification. Please try again later.",
    );

    test("is repeated once, and passes then", async () => {
      projectThatFails(script, 1, line);
      const { code, log } = await step(["sst", script], variables);
      expect(code).toBe(0);
      expect(log).toContain(
        "::warning::API Gateway refused two changes of pr-7's API at a time. Repeating once.",
      );
      const args = script === "remove" ? '["--stage","pr-7","--yes"]' : '["--stage","pr-7"]';
      expect(log).toContain(`${args} run 2`);
    });

    test("is not repeated twice", async () => {
      projectThatFails(script, 2, line);
      const { code, log } = await step(["sst", script], variables);
      expect(code).toBe(1);
      expect(log).toContain(`::error::${failure}`);
      expect(log).not.toContain("run 3");
    });

    test("is not repeated for any other error", async () => {
      projectThatFails(
        script,
        1,
        inRed("ConflictException: Route with key $connect already exists for this API"),
      );
      const { code, log } = await step(["sst", script], variables);
      expect(code).toBe(1);
      expect(log).not.toContain("run 2");
    });
  },
);

describe("the deployment of a stage", () => {
  const deploy = (lines: readonly string[], code: number) => {
    projectWith("deploy", lines, code);
    return step(["sst", "deploy"], { STAGE: "staging" });
  };

  test("shows SST's output", async () => {
    const { code, log, outputs } = await deploy(["| Created Sessions"], 0);
    expect(code).toBe(0);
    expect(log).toBe('["--stage","staging"]\n| Created Sessions\n');
    expect(outputs).toEqual({ locked: "false" });
  });

  test("fails the step if it fails", async () => {
    const { code, log, outputs } = await deploy([inRed("AccessDenied")], 1);
    expect(code).toBe(1);
    expect(log).toContain("::error::staging could not be deployed.");
    expect(outputs).toEqual({ locked: "false" });
  });

  test.each([
    "Concurrent update detected, run `sst unlock --stage=staging` to delete lock file and retry.",
    "A concurrent update was detected on the app. Run `sst unlock` to remove the lock and try again.",
  ])("reports that SST's lock refused it: %s", async (sentence) => {
    const { code, log, outputs } = await deploy([inRed(sentence)], 1);
    expect(code).toBe(1);
    expect(log).toContain('::error::staging is locked: see docs/runbook.md, "A lock that was left behind".');
    expect(outputs).toEqual({ locked: "true" });
  });
});

describe("the removal of a preview", () => {
  const remove = (lines: readonly string[], code: number, NUMBER = "7") => {
    projectWith("remove", lines, code);
    return step(["sst", "remove"], { NUMBER });
  };

  test("removes the stage of the pull request", async () => {
    const { code, log } = await remove(["| Deleted Sessions"], 0);
    expect(code).toBe(0);
    expect(log).toBe('["--stage","pr-7","--yes"]\n| Deleted Sessions\n');
  });

  test("passes for a stage that was never deployed", async () => {
    const { code, log } = await remove(["Remove", inRed("Stage not found")], 1);
    expect(code).toBe(0);
    expect(log).toContain("::notice::There is no stage pr-7: it was never deployed, or is already removed.");
  });

  test.each([
    ["a resource that is not found", inRed("Error deleting Stage: stage not found in API abc123")],
    ["no output", ""],
  ])("fails for any other error: %s", async (_, line) => {
    const { code, log } = await remove([line], 1);
    expect(code).toBe(1);
    expect(log).toContain("::error::pr-7 could not be removed.");
  });

  test("is refused without a number", async () => {
    const { code, log } = await remove([], 0, "7 --stage prod");
    expect(code).toBe(1);
    expect(log).toBe("::error::7 --stage prod is not the number of a pull request.\n");
  });
});

describe("the verification of a deployed stage", () => {
  const project = (failures: number) => projectThatFails("verify", failures);
  const args = '["--outputs",".sst/outputs.json","--temporary-user"]';

  test.each([
    [0, 0, "Verified at the first try"],
    [2, 0, "Verified at try 3 of 3"],
    [3, 1, "Not verified after 3 tries"],
  ])("exits after %d failures with %d: %s", async (failures, ends, head) => {
    project(failures);
    const { code, log, summary } = await step(["verify"], {});
    expect(code).toBe(ends);
    const last = Math.min(failures + 1, 3);
    const report = readFileSync(path.join(folder, "verification.txt"), "utf8");
    expect(report).toBe(`${head}\n\n${args} run ${last}\n`);
    expect(summary).toBe(`### ${head}\n\n\`\`\`text\n${args} run ${last}\n\`\`\`\n`);
    expect(log).toContain(`${args} run 1`);
    expect(log.includes("::error::The deployed stage failed its verification.")).toBe(ends === 1);
  });

  test("sets its report and the deployment's addresses as outputs", async () => {
    mkdirSync(path.join(folder, "app/.sst"), { recursive: true });
    writeFileSync(
      path.join(folder, "app/.sst/outputs.json"),
      '{"SessionsTableName":"Sessions-pr-7","WebSocketAPIEndpoint":"wss://abc/prod","Roles":{"a":"b"}}',
    );
    writeFileSync(path.join(folder, "verification.txt"), "Verified at the first try\n\n9 passed\n");
    const { code, outputs } = await step(["result"], {});
    expect(code).toBe(0);
    expect(outputs).toEqual({
      urls: '{"WebSocketAPIEndpoint":"wss://abc/prod"}',
      report: "Verified at the first try\n\n9 passed",
    });
  });

  test("that never started sets empty outputs, and does not fail", async () => {
    const { code, outputs } = await step(["result"], {});
    expect(code).toBe(0);
    expect(outputs).toEqual({ urls: "{}", report: "" });
  });
});

describe("the summary of a deployment", () => {
  const [commit, back] = [sha("d"), sha("b")];
  test.each([
    [{ DEPLOYED: "success" }, `prod runs ${commit}, verified.`],
    [
      { DEPLOYED: "failure", BACK: back, WENT_BACK: "success" },
      `${commit} failed on prod. prod was rolled back to ${back}, and verified. docs/disaster-recovery.md lists what a rollback does not restore.`,
    ],
    [
      { DEPLOYED: "failure", BACK: back, WENT_BACK: "failure" },
      `${commit} failed on prod. **The rollback to ${back} failed too**: prod needs attention now. See docs/disaster-recovery.md.`,
    ],
    [
      { DEPLOYED: "failure", BACK: "", WHY_NOT: "no commit has passed before" },
      `${commit} failed on prod. There is no commit to roll back to: no commit has passed before. The stage stays as it is for inspection.`,
    ],
    [
      { DEPLOYED: "failure", BACK: back, LOCKED: "true", WENT_BACK: "skipped" },
      `${commit} was not deployed to prod, which is unchanged: SST's lock is on it. Another deployment is running, or one was interrupted. See docs/runbook.md, "A lock that was left behind".`,
    ],
    [{ DEPLOYED: "skipped" }, `${commit} could not be prepared: prod is unchanged.`],
    [
      { DEPLOYED: "cancelled", BACK: back },
      `The deployment of ${commit} to prod was interrupted. SST's lock may be left behind: see docs/runbook.md.`,
    ],
    [{ COMMIT: "", DEPLOYED: "skipped" }, "Nothing was deployed to prod: the commit was refused."],
  ])("for %j is a sentence", async (variables, sentence) => {
    const { code, log, summary } = await step(["summary"], {
      ENVIRONMENT: "prod",
      COMMIT: commit,
      ...variables,
    });
    expect(code).toBe(0);
    expect(summary).toBe(`## prod\n\n${sentence}\n`);
    expect(log.includes("::error::")).toBe(variables.DEPLOYED !== "success");
  });
});
