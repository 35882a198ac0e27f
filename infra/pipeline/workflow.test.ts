import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { verify } from "../../packages/cli/src/verify/command";
import { action, actionNames, expression, holds, read, workflow, workflowNames } from "../testing/workflow";

const root = path.resolve(import.meta.dirname, "../..");

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

test("the workflows are the documented ones", () => {
  expect(workflowNames.sort()).toEqual(["ci", "deploy", "preview", "stage"]);
  expect(actionNames.sort()).toEqual(["deploy", "prepare"]);
});

describe("an action of others", () => {
  const uses = steps.flatMap(([name, { uses: used }]) =>
    used && !used.startsWith("./") ? [[name, used] as const] : [],
  );

  test("is pinned to a full commit, with its version in a comment", () => {
    expect(uses.length).toBeGreaterThan(5);
    const lines = files.flatMap((file) => read(file).match(/uses: (?!\.\/).*/g) ?? []);
    expect(
      lines.filter((line) => !/^uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line)),
    ).toEqual([]);
    // One version of each.
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
  test.each(workflowNames)("of %s as a whole are none", (name) => {
    expect(workflow(name).permissions).toEqual({});
  });

  test("of each job are exactly these", () => {
    const reading = { contents: "read" };
    const deploying = { ...reading, actions: "read", deployments: "read", "id-token": "write" };
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

  test("for AWS belong only to jobs of a GitHub environment, with the role of its variables", () => {
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

  test("to write to pull requests belong to a job that runs no deployed code", () => {
    const { steps: own = [] } = workflow("preview").jobs.comment ?? {};
    expect(own.map(({ uses: used, run: script }) => used?.split("@")[0] ?? script)).toEqual([
      "actions/checkout",
      "node .github/scripts/comment.mjs",
    ]);
  });

  test("by GitHub's token reach only the scripts that call its API", () => {
    const holders = steps.filter(([, { env = {} }]) => JSON.stringify(env).includes("github.token"));
    expect(holders.map(([, { run: script }]) => script)).toEqual([
      "node .github/scripts/comment.mjs",
      "node .github/scripts/plan.mjs",
    ]);
    expect(files.filter((file) => read(file).includes("secrets."))).toEqual([]);
  });
});

describe("every job", () => {
  test("has a time limit, and the image with Java and Chromium", () => {
    for (const [name, job] of jobs.filter(([, { uses: used }]) => !used)) {
      expect([name, job["runs-on"]]).toEqual([name, "ubuntu-24.04"]);
      expect([name, (job["timeout-minutes"] ?? 0) > 0]).toEqual([name, true]);
    }
  });

  test("passes exactly the declared inputs to the workflows and actions that it calls", () => {
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
  test("contain no expression: an event's text reaches them as a variable", () => {
    expect(scripts.filter(([, script]) => /\$\{\{/.test(script))).toEqual([]);
  });

  test("call existing npm scripts and files", () => {
    const { scripts: known } = JSON.parse(read("package.json"));
    const called = scripts.flatMap(([, script]) => [
      ...[...script.matchAll(/npm run (?:-s )?([\w:]+)/g)].map(([, name]) => name),
      ...(script.includes("npm test") ? ["test"] : []),
    ]);
    const sources = readdirSync(path.join(root, ".github/scripts")).map((file) =>
      read(`.github/scripts/${file}`),
    );
    const byScripts = sources.flatMap((source) =>
      [...source.matchAll(/(?:npmRun|sst)\("([\w:]+)"/g)].map(([, name]) => name),
    );
    expect([...new Set([...called, ...byScripts])].sort()).toEqual([
      ...["bench", "check", "deploy", "remove", "test", "verify"],
    ]);
    expect([...called, ...byScripts].filter((name) => !(name && name in known))).toEqual([]);
    const local = scripts.flatMap(([, script]) => script.match(/\.(?:ci|github)\/[\w./]+/g) ?? []);
    expect(local.length).toBeGreaterThan(4);
    expect(local.filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
  });

  test("verify with existing options of the command", () => {
    const source = read(".github/scripts/verify.mjs");
    const used = [...source.matchAll(/"--([\w-]+)"/g)].map(([, option]) => option);
    expect(used).toEqual(["outputs", "temporary-user"]);
    expect(used.filter((option) => !(option && option in (verify.args ?? {})))).toEqual([]);
    expect(JSON.parse(read("package.json")).scripts.verify).toBe("lectern verify");
  });

  test("name existing documents", () => {
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

  test("of a fork neither deploys nor removes a stage", () => {
    const { deploy, remove, comment } = workflow("preview").jobs;
    expect(deploy?.if).toMatch(fromHere);
    expect(remove?.if).toMatch(fromHere);
    expect(comment?.needs).toEqual(["deploy", "remove"]);
    expect(comment?.if).toBe(
      "always() && (needs.deploy.result != 'skipped' || needs.remove.result != 'skipped')",
    );
    expect(Object.keys(workflow("preview").on)).toEqual(["pull_request", "workflow_dispatch"]);
  });

  test.each([
    ["a person", "User", "User", "synchronize", true, false],
    ["a person, closed by a bot", "User", "Bot", "closed", false, true],
    ["a person, with a bot's push", "User", "Bot", "synchronize", false, false],
    ["a bot", "Bot", "Bot", "opened", false, false],
    ["a bot, reopened by a person", "Bot", "User", "reopened", false, false],
    ["a bot, closed by a person", "Bot", "User", "closed", false, false],
  ])(
    "of %s (%s, event by %s: %s) is deployed: %s, removed: %s",
    (_, author, sender, event, deployed, removed) => {
      const { deploy, remove } = workflow("preview").jobs;
      const github = {
        event_name: "pull_request",
        repository: "acme/lectern",
        event: {
          action: event,
          sender: { type: sender },
          pull_request: { user: { type: author }, head: { repo: { full_name: "acme/lectern" } } },
        },
      };
      expect(holds(deploy?.if, { github })).toBe(deployed);
      expect(holds(remove?.if, { github })).toBe(removed);
    },
  );

  test("has a preview only if it is for main: the environment admits no other branch's runs, not even to remove a stage", () => {
    expect(workflow("preview").on.pull_request).toEqual({
      branches: ["main"],
      types: ["opened", "synchronize", "reopened", "closed"],
    });
  });

  test("has one run of its preview at a time, and nothing cancels it", () => {
    expect(workflow("preview").concurrency).toEqual({
      group: `preview-${expression("github.event.pull_request.number || inputs.number")}`,
      "cancel-in-progress": false,
    });
  });

  test("cancels its older checks at a newer commit; the checks of main are never cancelled", () => {
    expect(workflow("ci").concurrency).toEqual({
      group: `ci-${expression("github.event.pull_request.number || github.run_id")}`,
      "cancel-in-progress": true,
    });
  });
});
