import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { verify } from "../packages/cli/src/verify/command";

const root = path.resolve(import.meta.dirname, "..");
const run = promisify(execFile);

interface Step {
  readonly id?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly if?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
}

interface Job {
  readonly uses?: string;
  readonly if?: string;
  readonly needs?: string | readonly string[];
  readonly with?: Readonly<Record<string, unknown>>;
  readonly environment?: string | { readonly name: string; readonly url: string };
  readonly permissions?: Readonly<Record<string, string>>;
  readonly concurrency?: { readonly group: string; readonly "cancel-in-progress": boolean };
  readonly "timeout-minutes"?: number;
  readonly "runs-on"?: string;
  readonly steps?: readonly Step[];
}

type Inputs = Readonly<Record<string, { readonly required?: boolean }>>;

interface Workflow {
  readonly on: {
    readonly workflow_call?: { readonly inputs: Inputs };
    readonly pull_request?: { readonly branches?: readonly string[]; readonly types: readonly string[] };
  };
  readonly permissions: Readonly<Record<string, string>>;
  readonly concurrency?: Job["concurrency"];
  readonly jobs: Readonly<Record<string, Job>>;
}

interface Action {
  readonly inputs: Inputs;
  readonly outputs?: Readonly<Record<string, { readonly value: string }>>;
  readonly runs: { readonly using: string; readonly steps: readonly Step[] };
}

/** As GitHub writes it: `expression("github.sha")`. */
const expression = (text: string): string => `\${{ ${text} }}`;

const read = (file: string): string => readFileSync(path.join(root, file), "utf8");
const workflowNames = readdirSync(path.join(root, ".github/workflows")).map((file) => path.parse(file).name);
const actionNames = readdirSync(path.join(root, ".github/actions"));
const workflow = (name: string): Workflow => parse(read(`.github/workflows/${name}.yml`));
const action = (name: string): Action => parse(read(`.github/actions/${name}/action.yml`));

const jobs = workflowNames.flatMap((name) =>
  Object.entries(workflow(name).jobs).map(([job, body]) => [`${name}.${job}`, body] as const),
);
const steps = [
  ...jobs.flatMap(([name, { steps: own = [] }]) => own.map((step) => [name, step] as const)),
  ...actionNames.flatMap((name) => action(name).runs.steps.map((step) => [name, step] as const)),
];
const scripts = steps.flatMap(([name, { run: script }]) => (script ? [[name, script] as const] : []));
const files = [
  ...workflowNames.map((name) => `.github/workflows/${name}.yml`),
  ...actionNames.map((name) => `.github/actions/${name}/action.yml`),
];

test("there are the workflows that the documents tell of", () => {
  expect(workflowNames.sort()).toEqual(["ci", "deploy", "preview", "stage"]);
  expect(actionNames.sort()).toEqual(["deploy", "prepare"]);
});

describe("the linter", () => {
  const lint = (...given: string[]) =>
    run(process.execPath, [".github/scripts/lint.mjs", ...given], { cwd: root }).then(
      ({ stdout }) => ({ code: 0, said: stdout }),
      ({ code, stderr }) => ({ code, said: stderr }),
    );
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), "workflows-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test("finds nothing in what is here", async () => {
    expect(await lint()).toEqual({
      code: 0,
      said: `Checked ${files.length} workflows and actions.\n`,
    });
  });

  const preview = () => read(".github/workflows/preview.yml");

  test.each([
    [
      "a job that waits for none that is there",
      () => preview().replace("[deploy, remove]", "[deply]"),
      /deply/,
    ],
    [
      "a key that GitHub does not know",
      () => preview().replace("timeout-minutes: 5", "timeout: 5"),
      /Additional property 'timeout' is not allowed/,
    ],
    [
      "a title of a pull request in a script",
      () =>
        preview().replace(
          "run: node ../",
          `run: echo ${expression("github.event.pull_request.title")}; node ../`,
        ),
      /potentially untrusted/,
    ],
    [
      "an output of a step that is not there",
      () => preview().replaceAll("steps.result.outputs", "steps.results.outputs"),
      /"results" is not defined/,
    ],
    ["a file that is no YAML", () => "on: [push\njobs:", /did not find expected/],
  ])("refuses a workflow with %s", async (name, source, sentence) => {
    const file = path.join(folder, `${name.replaceAll(" ", "-")}.yml`);
    writeFileSync(file, source());
    const { code, said } = await lint(file);
    expect(code).toBe(1);
    expect(said).toMatch(sentence);
  });

  test("refuses an action that breaks the schema", async () => {
    const file = path.join(folder, "action.yml");
    writeFileSync(file, read(".github/actions/deploy/action.yml").replace("shell: bash", "shel: bash"));
    const { code, said } = await lint(file);
    expect(code).toBe(1);
    expect(said).toContain("Additional property 'shel' is not allowed");
  });
});

describe("what others wrote", () => {
  const uses = steps.flatMap(([name, { uses: used }]) =>
    used && !used.startsWith("./") ? [[name, used] as const] : [],
  );

  test("is taken by its full commit, beside which its version stands", () => {
    expect(uses.length).toBeGreaterThan(5);
    const lines = files.flatMap((file) => read(file).match(/uses: (?!\.\/).*/g) ?? []);
    expect(
      lines.filter((line) => !/^uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line)),
    ).toEqual([]);
    // One commit of each.
    expect([...new Set(lines)].map((line) => line.split("@")[0]).sort()).toEqual([
      "uses: actions/checkout",
      "uses: actions/setup-node",
      "uses: aws-actions/configure-aws-credentials",
    ]);
  });

  test("leaves no token behind in a checkout", () => {
    const checkouts = steps.filter(([, { uses: used }]) => used?.startsWith("actions/checkout@"));
    expect(checkouts.length).toBeGreaterThan(4);
    for (const [name, { with: inputs }] of checkouts) {
      expect([name, inputs?.["persist-credentials"]]).toEqual([name, false]);
    }
  });
});

describe("permissions", () => {
  test.each(workflowNames)("%s gives none to all its jobs", (name) => {
    expect(workflow(name).permissions).toEqual({});
  });

  test("are named by every job, and no wider than this", () => {
    const reading = { contents: "read" };
    const deploying = { ...reading, deployments: "read", "id-token": "write" };
    const previewing = { ...reading, "id-token": "write" };
    expect(Object.fromEntries(jobs.map(([name, { permissions }]) => [name, permissions]))).toEqual({
      "ci.test": reading,
      "ci.engines": reading,
      "deploy.staging": deploying,
      "deploy.prod": deploying,
      "stage.deploy": deploying,
      "preview.deploy": previewing,
      "preview.remove": previewing,
      "preview.comment": { ...reading, "pull-requests": "write" },
    });
  });

  test("for AWS go only to jobs that a GitHub environment guards, and that take the role of its variables", () => {
    const reaching = jobs.filter(([, job]) => job.permissions?.["id-token"] && !job.uses);
    expect(Object.fromEntries(reaching.map(([name, { environment }]) => [name, environment]))).toEqual({
      "preview.deploy": "preview",
      "preview.remove": "preview",
      "stage.deploy": {
        name: expression("inputs.environment"),
        url: `${expression("github.server_url")}/${expression("github.repository")}/commit/${expression("steps.plan.outputs.commit")}`,
      },
    });
    for (const [, { uses: used, with: inputs }] of steps) {
      if (!used?.endsWith("/prepare")) continue;
      expect(inputs).toMatchObject({
        role: expression("vars.AWS_ROLE_ARN"),
        region: expression("vars.AWS_REGION"),
      });
    }
  });

  test("to write to pull requests are where no deployed code runs", () => {
    const { steps: own = [] } = workflow("preview").jobs.comment ?? {};
    expect(own.map(({ uses: used, run: script }) => used?.split("@")[0] ?? script)).toEqual([
      "actions/checkout",
      "node .github/scripts/comment.mjs",
    ]);
  });

  test("are GitHub's token only for the scripts that call its API", () => {
    const holders = steps.filter(([, { env = {} }]) => JSON.stringify(env).includes("github.token"));
    expect(holders.map(([, { run: script }]) => script)).toEqual([
      "node .github/scripts/comment.mjs",
      "node .github/scripts/plan.mjs",
    ]);
    expect(files.filter((file) => read(file).includes("secrets."))).toEqual([]);
  });
});

describe("every job", () => {
  test("ends at a time, on an image that brings what the tests need", () => {
    for (const [name, job] of jobs.filter(([, { uses: used }]) => !used)) {
      expect([name, job["runs-on"]]).toEqual([name, "ubuntu-24.04"]);
      expect([name, (job["timeout-minutes"] ?? 0) > 0]).toEqual([name, true]);
    }
  });

  test("gives what it calls here exactly the inputs that are there", () => {
    const calls = [
      ...jobs.map(([name, job]) => [name, job] as const),
      ...steps.map(([name, step]) => [name, step] as const),
    ].filter(([, { uses: used }]) => used?.startsWith("./"));
    expect(calls.length).toBe(9);
    for (const [name, { uses: used = "", with: given = {} }] of calls) {
      const inputs = used.endsWith(".yml")
        ? (workflow(path.parse(used).name).on.workflow_call?.inputs ?? {})
        : action(path.basename(used)).inputs;
      expect([name, used, Object.keys(given).sort()]).toEqual([name, used, Object.keys(inputs).sort()]);
      expect(Object.values(inputs).every(({ required }) => required)).toBe(true);
    }
  });
});

describe("scripts", () => {
  test("hold no expression: what comes from an event reaches them as a variable", () => {
    expect(scripts.filter(([, script]) => /\$\{\{/.test(script))).toEqual([]);
  });

  test("call npm scripts and files that are there", () => {
    const { scripts: known } = JSON.parse(read("package.json"));
    const called = scripts.flatMap(([, script]) => [
      ...[...script.matchAll(/npm run (?:-s )?([\w:]+)/g)].map(([, name]) => name),
      ...(script.includes("npm test") ? ["test"] : []),
    ]);
    const sources = readdirSync(path.join(root, ".github/scripts")).map((file) =>
      read(`.github/scripts/${file}`),
    );
    const byScripts = sources.flatMap((source) =>
      [...source.matchAll(/npmRun\("([\w:]+)"/g)].map(([, name]) => name),
    );
    expect([...new Set([...called, ...byScripts])].sort()).toEqual([
      ...["bench", "check", "deploy", "remove", "test", "verify"],
    ]);
    expect([...called, ...byScripts].filter((name) => !(name && name in known))).toEqual([]);
    const local = scripts.flatMap(([, script]) => script.match(/\.(?:ci|github)\/[\w./]+/g) ?? []);
    expect(local.length).toBeGreaterThan(4);
    expect(local.filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
  });

  test("verify with options that the command has", () => {
    const source = read(".github/scripts/verify.mjs");
    const used = [...source.matchAll(/"--([\w-]+)"/g)].map(([, option]) => option);
    expect(used).toEqual(["outputs", "temporary-user"]);
    expect(used.filter((option) => !(option && option in (verify.args ?? {})))).toEqual([]);
    expect(JSON.parse(read("package.json")).scripts.verify).toBe("lectern verify");
  });

  test("name documents that are there", () => {
    const sources = [
      ...files,
      ...readdirSync(path.join(root, ".github/scripts")).map((file) => `.github/scripts/${file}`),
    ];
    const documents = sources.flatMap((file) => read(file).match(/docs\/[\w-]+\.md/g) ?? []);
    expect(documents).toContain("docs/disaster-recovery.md");
    expect([...new Set(documents)].filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
  });
});

describe("a pull request", () => {
  const fromHere = /github\.event\.pull_request\.head\.repo\.full_name == github\.repository/;

  test("of a fork gets neither a stage nor the removal of one", () => {
    const { deploy, remove, comment } = workflow("preview").jobs;
    expect(deploy?.if).toMatch(fromHere);
    expect(remove?.if).toMatch(fromHere);
    expect(comment?.needs).toEqual(["deploy", "remove"]);
    expect(comment?.if).toBe(
      "always() && (needs.deploy.result != 'skipped' || needs.remove.result != 'skipped')",
    );
    expect(Object.keys(workflow("preview").on)).toEqual(["pull_request", "workflow_dispatch"]);
  });

  test("has a preview if it is for main: the environment lets no other branch's runs in, also not to remove one", () => {
    expect(workflow("preview").on.pull_request).toEqual({
      branches: ["main"],
      types: ["opened", "synchronize", "reopened", "closed"],
    });
  });

  test("has one run of its preview at a time, which nothing cancels", () => {
    expect(workflow("preview").concurrency).toEqual({
      group: `preview-${expression("github.event.pull_request.number || inputs.number")}`,
      "cancel-in-progress": false,
    });
  });

  test("has its older checks cancelled by a newer commit, and main's never", () => {
    expect(workflow("ci").concurrency).toEqual({
      group: `ci-${expression("github.event.pull_request.number || github.run_id")}`,
      "cancel-in-progress": true,
    });
  });
});

describe("a deployment", () => {
  const { deploy } = workflow("stage").jobs;

  test("to a stage is one at a time, and nothing cancels it", () => {
    expect(workflow("deploy").concurrency).toBeUndefined();
    expect(deploy?.concurrency).toEqual({
      group: `deploy-${expression("inputs.environment")}`,
      "cancel-in-progress": false,
    });
  });

  test("reaches prod only after staging passed, or by hand without it", () => {
    const { prod } = workflow("deploy").jobs;
    expect(prod?.needs).toBe("staging");
    expect(prod?.if).toContain("needs.staging.result == 'success' || needs.staging.result == 'skipped'");
    expect(prod?.with?.environment).toBe("prod");
  });

  test("goes back in the same job, by the same steps, when it or its verification fails", () => {
    const own = deploy?.steps ?? [];
    const named = (id: string) => own.find((step) => step.id === id);
    expect(named("prepare-back")?.if).toBe(
      "failure() && steps.deploy.outcome == 'failure' && steps.deploy.outputs.locked != 'true' && steps.plan.outputs.back != ''",
    );
    // What the condition reads is there.
    expect(action("deploy").outputs?.locked?.value).toBe(expression("steps.deploy.outputs.locked"));
    expect(action("deploy").runs.steps.find(({ id }) => id === "deploy")?.run).toContain("deploy.mjs");
    expect(named("prepare-back")?.with?.ref).toBe(expression("steps.plan.outputs.back"));
    expect(named("back")?.if).toBe("failure() && steps.prepare-back.outcome == 'success'");
    expect(named("back")?.uses).toBe(named("deploy")?.uses);
    expect(named("back")?.with).toEqual(named("deploy")?.with);
    expect(own.at(-1)?.if).toBe("always()");
    // Any of these would have the job pass although the commit did not.
    expect(own.filter((step) => "continue-on-error" in step)).toEqual([]);
  });
});
