import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const scripts = path.resolve(import.meta.dirname, "../.github/scripts");
const token = "ghs_secret";

interface Deployment {
  readonly sha: string;
  /** Newest first, as GitHub lists them; `success` may name the commit by its address. */
  readonly statuses: readonly { readonly state: string; readonly environment_url?: string }[];
}

interface Comment {
  readonly id: number;
  readonly user: { readonly type: string };
  body: string;
}

/** A repository as GitHub's API shows it: as much of it as the scripts ask for. */
interface Repository {
  /** main's history, oldest first. */
  main: readonly string[];
  refs: Record<string, string>;
  /** By environment, newest first. */
  deployments: Record<string, readonly Deployment[]>;
  comments: Comment[];
  /** Statuses that the next calls are answered with instead. */
  faults: number[];
}

let server: Server;
let repository: Repository;
let requests: string[];
let folder: string;

const sha = (letter: string): string => letter.repeat(40);
const address = (commit: string): string => `https://github.com/acme/lectern/commit/${commit}`;
const passed = (commit: string): Deployment => ({ sha: commit, statuses: [{ state: "success" }] });
const failed = (commit: string): Deployment => ({
  sha: commit,
  statuses: [{ state: "failure" }, { state: "in_progress" }],
});

const compared = (base: string, head: string): string | undefined => {
  const place = (commit: string) =>
    repository.main.indexOf(commit === "main" ? (repository.main.at(-1) ?? "") : commit);
  if (place(base) < 0 || place(head) < 0) return "diverged";
  if (place(base) === place(head)) return "identical";
  return place(base) < place(head) ? "ahead" : "behind";
};

const pageOf = <Item>(items: readonly Item[], query: URLSearchParams): readonly Item[] => {
  const size = Number(query.get("per_page"));
  return items.slice((Number(query.get("page")) - 1) * size).slice(0, size);
};

/** The answer's body; undefined: there is no such thing. */
const answer = (method: string, url: URL, body: () => { body: string }): unknown => {
  const [, kind = "", id = "", rest = ""] =
    url.pathname.match(/^\/repos\/acme\/lectern\/(\w+)(?:\/([^/]+))?(?:\/(.+))?$/) ?? [];
  const all = Object.values(repository.deployments).flat();
  switch (`${method} ${kind}`) {
    case "GET commits": {
      const ref = decodeURIComponent(id);
      const known = repository.refs[ref] ?? [...repository.main].find((commit) => commit.startsWith(ref));
      return known && { sha: known };
    }
    case "GET compare": {
      const [base = "", head = ""] = decodeURIComponent(id).split("...");
      return { status: compared(base, head) };
    }
    case "GET deployments": {
      if (rest === "statuses") return pageOf(all[Number(id)]?.statuses ?? [], url.searchParams);
      const own = repository.deployments[url.searchParams.get("environment") ?? ""] ?? [];
      const listed = own.map((deployment) => ({ id: all.indexOf(deployment), sha: deployment.sha }));
      return pageOf(listed, url.searchParams);
    }
    case "GET issues":
      return pageOf(repository.comments, url.searchParams);
    case "POST issues": {
      const comment = { id: repository.comments.length + 1, user: { type: "Bot" }, ...body() };
      repository.comments.push(comment);
      return comment;
    }
    case "PATCH issues": {
      const comment = repository.comments.find((candidate) => candidate.id === Number(rest));
      return comment && Object.assign(comment, body());
    }
    default:
      return undefined;
  }
};

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "pipeline-"));
  requests = [];
  repository = { main: ["a", "b", "c", "d"].map(sha), refs: {}, deployments: {}, comments: [], faults: [] };
  server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk) => {
      text += chunk;
    });
    request.on("end", () => {
      const url = new URL(request.url ?? "", "http://api");
      requests.push(`${request.method} ${url.pathname.replace("/repos/acme/lectern/", "")}`);
      const fault = request.headers.authorization === `Bearer ${token}` ? repository.faults.shift() : 401;
      const body =
        fault === undefined ? answer(request.method ?? "", url, () => JSON.parse(text)) : undefined;
      response.statusCode = fault ?? (body === undefined ? 404 : 200);
      response.end(JSON.stringify(body ?? {}));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

/** Runs a script as a step of a workflow does; what it left behind. */
const step = async (name: string, variables: Record<string, string>) => {
  const { port } = server.address() as { port: number };
  const [outputFile, summaryFile] = ["output", "summary"].map((file) => path.join(folder, file)) as [
    string,
    string,
  ];
  for (const file of [outputFile, summaryFile]) writeFileSync(file, "");
  const child = spawn(process.execPath, [path.join(scripts, `${name}.mjs`)], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      GITHUB_API_URL: `http://127.0.0.1:${port}`,
      GITHUB_SERVER_URL: "https://github.com",
      GITHUB_REPOSITORY: "acme/lectern",
      GITHUB_RUN_ID: "42",
      GITHUB_EVENT_NAME: "push",
      GITHUB_OUTPUT: outputFile,
      GITHUB_STEP_SUMMARY: summaryFile,
      GITHUB_TOKEN: token,
      RUNNER_TEMP: folder,
      PAUSE_MS: "0",
      ...variables,
    },
  });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      log += chunk;
    });
  }
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  expect(log).not.toContain(token);
  const outputs = readFileSync(outputFile, "utf8").matchAll(/^([\w-]+)<<(end-.+)\n([\s\S]*?)\n\2$/gm);
  return {
    code,
    log,
    outputs: Object.fromEntries([...outputs].map(([, key, , value]) => [key, value])),
    summary: readFileSync(summaryFile, "utf8"),
  };
};

describe("the plan of a deployment", () => {
  const plan = (ref: string, variables: Record<string, string> = {}) =>
    step("plan", { ENVIRONMENT: "staging", REF: ref, BRANCH: "main", ...variables });

  test("of a stage's first has no way back, and says why", async () => {
    const { code, outputs } = await plan(sha("d"));
    expect(code).toBe(0);
    expect(outputs).toEqual({ commit: sha("d"), back: "", "why-not": "no commit has passed before" });
  });

  test("goes back to the newest that passed, over those that failed, of this environment alone", async () => {
    repository.deployments = {
      prod: [passed(sha("a"))],
      staging: [failed(sha("d")), failed(sha("c")), passed(sha("b")), passed(sha("a"))],
    };
    expect((await plan(sha("d"))).outputs).toMatchObject({ commit: sha("d"), back: sha("b") });
  });

  test("takes one that passed and was superseded since for good", async () => {
    const superseded = [{ state: "inactive" }, { state: "success" }, { state: "in_progress" }];
    repository.deployments = { staging: [failed(sha("c")), { sha: sha("b"), statuses: superseded }] };
    expect((await plan(sha("d"))).outputs.back).toBe(sha("b"));
  });

  test("passes over the deployment that it is itself", async () => {
    const running = { sha: sha("d"), statuses: [{ state: "in_progress" }, { state: "queued" }] };
    repository.deployments = { staging: [running, passed(sha("c"))] };
    expect((await plan(sha("d"))).outputs.back).toBe(sha("c"));
  });

  test("goes back to what somebody put there by hand, not to the commit that GitHub notes of that run", async () => {
    const byHand = { sha: sha("c"), statuses: [{ state: "success", environment_url: address(sha("a")) }] };
    repository.deployments = { staging: [byHand, passed(sha("b"))] };
    expect((await plan(sha("d"))).outputs.back).toBe(sha("a"));
  });

  test("of the very commit that passed last has no way back: nothing else is known to be better", async () => {
    repository.deployments = { staging: [passed(sha("d")), passed(sha("c"))] };
    expect((await plan(sha("d"))).outputs).toEqual({
      commit: sha("d"),
      back: "",
      "why-not": "it is itself the last commit that passed",
    });
  });

  test("finds one that passed behind a whole page of failures", async () => {
    const failures = Array.from({ length: 120 }, () => failed(sha("c")));
    repository.deployments = { staging: [...failures, passed(sha("b"))] };
    expect((await plan(sha("d"))).outputs.back).toBe(sha("b"));
  });

  test("takes a tag, a branch with a slash, or the first digits of a commit", async () => {
    repository.refs = { "v1.2": sha("b"), "release/one": sha("c") };
    const by = { GITHUB_EVENT_NAME: "workflow_dispatch" };
    expect((await plan("v1.2", by)).outputs.commit).toBe(sha("b"));
    expect((await plan("release/one", by)).outputs.commit).toBe(sha("c"));
    expect((await plan("aaaaaaa", by)).outputs.commit).toBe(sha("a"));
  });

  test.each([
    ["what is no commit", "nothing", /^::error::nothing is no commit of this repository\.$/m],
    [
      "what was never merged",
      "feature",
      /^::error::e{40} is not in the history of main: only what was merged/m,
    ],
  ])("refuses %s", async (_, ref, sentence) => {
    repository.refs = { feature: sha("e") };
    const { code, log, outputs } = await plan(ref);
    expect(code).toBe(1);
    expect(log).toMatch(sentence);
    expect(outputs).toEqual({});
  });

  test("refuses an older commit than the stage runs when nobody asked for it, and takes it by hand", async () => {
    repository.deployments = { staging: [passed(sha("c"))] };
    const { code, log } = await plan(sha("b"));
    expect(code).toBe(1);
    expect(log).toMatch(
      /^::error::staging runs c{40}, which is newer than b{40}: to go back, run Deploy by hand\.$/m,
    );
    const { outputs } = await plan(sha("b"), { GITHUB_EVENT_NAME: "workflow_dispatch" });
    expect(outputs).toMatchObject({ commit: sha("b"), back: sha("c") });
  });

  test("outlives two faults of GitHub's in a row, and gives up on the third", async () => {
    repository.faults = [502, 503];
    expect((await plan(sha("d"))).code).toBe(0);
    repository.faults = [502, 503, 504];
    const { code, log } = await plan(sha("d"));
    expect(code).toBe(1);
    expect(log).toContain("::error::GitHub answered 504 to GET commits/");
  });

  test("stops at once where the token may not look", async () => {
    repository.faults = [403];
    const { code, log } = await plan(sha("d"));
    expect(code).toBe(1);
    expect(log).toContain("::error::GitHub answered 403 to GET commits/");
    expect(requests).toHaveLength(1);
  });
});

describe("the comment on a pull request", () => {
  const mark = "<!-- lectern-preview -->";
  const comment = (variables: Record<string, string>) =>
    step("comment", {
      PULL_REQUEST: "7",
      COMMIT: sha("d"),
      DEPLOYED: "skipped",
      REMOVED: "skipped",
      ...variables,
    });
  const deployed = {
    DEPLOYED: "success",
    URLS: '{"WebSocketAPIEndpoint":"wss://abc.execute-api.us-east-1.amazonaws.com/prod"}',
    REPORT: "Verified at once\n\n9 passed",
  };

  test("says where the preview is and whether it is verified", async () => {
    expect((await comment(deployed)).code).toBe(0);
    expect(repository.comments.map(({ body }) => body)).toEqual([
      [
        mark,
        "Preview `pr-7` is deployed and verified.",
        "",
        "| | |",
        "|---|---|",
        `| Commit | ${sha("d")} |`,
        "| WebSocketAPIEndpoint | `wss://abc.execute-api.us-east-1.amazonaws.com/prod` |",
        "| Verification | Verified at once |",
        "",
        "<details><summary>Report</summary>",
        "",
        "```text",
        "Verified at once",
        "",
        "9 passed",
        "```",
        "",
        "</details>",
      ].join("\n"),
    ]);
  });

  test("is one, changed in place by every later run", async () => {
    await comment(deployed);
    await comment({ ...deployed, DEPLOYED: "failure", REPORT: "Not verified after 3 tries\n\n1 failed" });
    await comment({ REMOVED: "success" });
    expect(repository.comments.map(({ body }) => body)).toEqual([`${mark}\nPreview \`pr-7\` is removed.`]);
    expect(requests.filter((request) => !request.startsWith("GET"))).toEqual([
      "POST issues/7/comments",
      "PATCH issues/comments/1",
      "PATCH issues/comments/1",
    ]);
  });

  test("of a failure leads to the run, with what is known", async () => {
    await comment({ DEPLOYED: "failure", URLS: "", REPORT: "" });
    const [{ body } = { body: "" }] = repository.comments;
    expect(body).toContain(
      "Preview `pr-7` **failed**: see [the run](https://github.com/acme/lectern/actions/runs/42).",
    );
    expect(body).toContain("| Verification | not run |");
    expect(body).not.toContain("<details>");
  });

  test("of a stage that could not be removed says that it still stands, and how to go on", async () => {
    await comment({ REMOVED: "failure" });
    expect(repository.comments[0]?.body).toMatch(
      /could \*\*not be removed\*\*[\s\S]+npm run remove -- --stage pr-7/,
    );
  });

  test("is not begun by a removal", async () => {
    expect((await comment({ REMOVED: "success" })).code).toBe(0);
    expect(repository.comments).toEqual([]);
  });

  test("leaves alone what people wrote, whatever it begins with", async () => {
    const person = { id: 1, user: { type: "User" }, body: `${mark} mine` };
    repository.comments.push({ ...person });
    await comment(deployed);
    expect(repository.comments).toHaveLength(2);
    expect(repository.comments[0]).toEqual(person);
  });

  test("is found behind a hundred others", async () => {
    const others = Array.from({ length: 100 }, (_, index) => ({
      id: 1_000 + index,
      user: { type: "User" },
      body: "hm",
    }));
    repository.comments.push(...others, { id: 5, user: { type: "Bot" }, body: `${mark}\nold` });
    await comment(deployed);
    expect(repository.comments).toHaveLength(101);
    expect(repository.comments.at(-1)?.body).toContain("is deployed and verified");
  });

  test("shows a report as it is, whatever it holds", async () => {
    await comment({ ...deployed, REPORT: "````\n</details> @everyone" });
    expect(repository.comments[0]?.body).toContain("`````text\n````\n</details> @everyone\n`````");
  });

  test("is for a number only", async () => {
    const { code, log } = await comment({ ...deployed, PULL_REQUEST: "7/../1" });
    expect(code).toBe(1);
    expect(log).toContain("::error::7/../1 is no number of a pull request.");
    expect(requests).toEqual([]);
  });
});

/** A project whose npm script of this name prints these lines and ends with that code; it repeats its arguments first. */
const projectWith = (script: string, lines: readonly string[], code: number) => {
  const command = [
    "console.log(JSON.stringify(process.argv.slice(2)));",
    ...lines.map((line) => `console.error(${JSON.stringify(line)});`),
    `process.exitCode = ${code};`,
  ];
  writeFileSync(path.join(folder, "script.mjs"), command.join("\n"));
  writeFileSync(
    path.join(folder, "package.json"),
    JSON.stringify({ scripts: { [script]: "node script.mjs" } }),
  );
};

/** As SST marks its errors on a terminal. */
const inRed = (text: string) => `\u001b[31m\u001b[1m✕\u001b[0m  ${text}`;

describe("the deployment of a stage", () => {
  const deploy = (lines: readonly string[], code: number) => {
    projectWith("deploy", lines, code);
    return step("deploy", { STAGE: "staging" });
  };

  test("shows what SST prints", async () => {
    const { code, log, outputs } = await deploy(["| Created Sessions"], 0);
    expect(code).toBe(0);
    expect(log).toBe('["--stage","staging"]\n| Created Sessions\n');
    expect(outputs).toEqual({ locked: "false" });
  });

  test("that fails fails the step", async () => {
    const { code, log, outputs } = await deploy([inRed("AccessDenied")], 1);
    expect(code).toBe(1);
    expect(log).toContain("::error::staging could not be deployed.");
    expect(outputs).toEqual({ locked: "false" });
  });

  test.each([
    "Concurrent update detected, run `sst unlock --stage=staging` to delete lock file and retry.",
    "A concurrent update was detected on the app. Run `sst unlock` to remove the lock and try again.",
  ])("that SST's lock refuses is told apart: %s", async (sentence) => {
    const { code, log, outputs } = await deploy([inRed(sentence)], 1);
    expect(code).toBe(1);
    expect(log).toContain('::error::staging is locked: see docs/runbook.md, "A lock that was left behind".');
    expect(outputs).toEqual({ locked: "true" });
  });
});

describe("the removal of a preview", () => {
  const remove = (lines: readonly string[], code: number, NUMBER = "7") => {
    projectWith("remove", lines, code);
    return step("remove", { NUMBER });
  };

  test("removes the stage of the pull request", async () => {
    const { code, log } = await remove(["| Deleted Sessions"], 0);
    expect(code).toBe(0);
    expect(log).toBe('["--stage","pr-7"]\n| Deleted Sessions\n');
  });

  test("of one that never came to be is no failure", async () => {
    const { code, log } = await remove(["Remove", inRed("Stage not found")], 1);
    expect(code).toBe(0);
    expect(log).toContain("::notice::There is no stage pr-7: it never came to be, or is removed already.");
  });

  test.each([
    ["by a resource that is not found", inRed("Error deleting Stage: stage not found in API abc123")],
    ["without a word", ""],
  ])("that fails otherwise, %s, does", async (_, line) => {
    const { code, log } = await remove([line], 1);
    expect(code).toBe(1);
    expect(log).toContain("::error::pr-7 could not be removed.");
  });

  test("is for a number only", async () => {
    const { code, log } = await remove([], 0, "7 --stage prod");
    expect(code).toBe(1);
    expect(log).toBe("::error::7 --stage prod is no number of a pull request.\n");
  });
});

describe("the verification of a deployed stage", () => {
  /** A project whose verification fails so many times before it passes. */
  const project = (failures: number) => {
    const command = [
      'import { existsSync, readFileSync, writeFileSync } from "node:fs";',
      'const count = (existsSync("count") ? Number(readFileSync("count")) : 0) + 1;',
      'writeFileSync("count", String(count));',
      'console.log(JSON.stringify(process.argv.slice(2)), "run", count);',
      `process.exitCode = count > ${failures} ? 0 : 1;`,
    ];
    writeFileSync(path.join(folder, "verify.mjs"), command.join("\n"));
    writeFileSync(path.join(folder, "package.json"), '{"scripts":{"verify":"node verify.mjs"}}');
  };
  const args = '["--outputs",".sst/outputs.json","--temporary-user"]';

  test.each([
    [0, 0, "Verified at once"],
    [2, 0, "Verified with try 3 of 3"],
    [3, 1, "Not verified after 3 tries"],
  ])("that fails %d times ends with %d: %s", async (failures, ends, head) => {
    project(failures);
    const { code, log, summary } = await step("verify", {});
    expect(code).toBe(ends);
    const last = Math.min(failures + 1, 3);
    const report = readFileSync(path.join(folder, "verification.txt"), "utf8");
    expect(report).toBe(`${head}\n\n${args} run ${last}\n`);
    expect(summary).toBe(`### ${head}\n\n\`\`\`text\n${args} run ${last}\n\`\`\`\n`);
    expect(log).toContain(`${args} run 1`);
    expect(log.includes("::error::The deployed stage does not pass its verification.")).toBe(ends === 1);
  });

  test("hands its result on, with the addresses that the deployment put out", async () => {
    mkdirSync(path.join(folder, "app/.sst"), { recursive: true });
    writeFileSync(
      path.join(folder, "app/.sst/outputs.json"),
      '{"SessionsTableName":"Sessions-pr-7","WebSocketAPIEndpoint":"wss://abc/prod","Roles":{"a":"b"}}',
    );
    writeFileSync(path.join(folder, "verification.txt"), "Verified at once\n\n9 passed\n");
    const { code, outputs } = await step("result", {});
    expect(code).toBe(0);
    expect(outputs).toEqual({
      urls: '{"WebSocketAPIEndpoint":"wss://abc/prod"}',
      report: "Verified at once\n\n9 passed",
    });
  });

  test("that was never come to hands on nothing, and does not fail over it", async () => {
    const { code, outputs } = await step("result", {});
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
      `${commit} failed on prod. prod was rolled back to ${back}, and verified. What that does not bring back is in docs/disaster-recovery.md.`,
    ],
    [
      { DEPLOYED: "failure", BACK: back, WENT_BACK: "failure" },
      `${commit} failed on prod. **The way back to ${back} failed too**: prod needs somebody now. See docs/disaster-recovery.md.`,
    ],
    [
      { DEPLOYED: "failure", BACK: "", WHY_NOT: "no commit has passed before" },
      `${commit} failed on prod. There is nothing to go back to: no commit has passed before. The stage is left as it is, to be looked at.`,
    ],
    [
      { DEPLOYED: "failure", BACK: back, LOCKED: "true", WENT_BACK: "skipped" },
      `${commit} was not deployed to prod, which is as it was: SST's lock is on it. Somebody else deploys there, or a deployment was cut off. See docs/runbook.md, "A lock that was left behind".`,
    ],
    [{ DEPLOYED: "skipped" }, `${commit} could not be prepared: prod is as it was.`],
    [
      { DEPLOYED: "cancelled", BACK: back },
      `The deployment of ${commit} to prod was cut off. SST's lock may be left behind: see docs/runbook.md.`,
    ],
    [{ COMMIT: "", DEPLOYED: "skipped" }, "Nothing was deployed to prod: the commit was not accepted."],
  ])("for %j is a sentence", async (variables, sentence) => {
    const { code, log, summary } = await step("summary", {
      ENVIRONMENT: "prod",
      COMMIT: commit,
      ...variables,
    });
    expect(code).toBe(0);
    expect(summary).toBe(`## prod\n\n${sentence}\n`);
    expect(log.includes("::error::")).toBe(variables.DEPLOYED !== "success");
  });
});
