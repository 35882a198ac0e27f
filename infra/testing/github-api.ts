import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect } from "vitest";

const scripts = path.resolve(import.meta.dirname, "../../.github/scripts");
const token = "ghs_secret";

export interface Deployment {
  readonly sha: string;
  /** Newest first, as in GitHub's list. `success` may name the commit by its address. */
  readonly statuses: readonly { readonly state: string; readonly environment_url?: string }[];
}

interface Comment {
  readonly id: number;
  readonly user: { readonly type: string };
  body: string;
}

/** As much of a repository as the scripts ask GitHub's API for. */
interface Repository {
  /** main's history, oldest first. */
  main: readonly string[];
  refs: Record<string, string>;
  /** The runs of the workflow CI that passed. */
  passedChecks: readonly { readonly head_sha: string; readonly branch: string; readonly event: string }[];
  /** By environment, newest first. */
  deployments: Record<string, readonly Deployment[]>;
  comments: Comment[];
  /** Statuses that the API answers the next calls with. */
  faults: number[];
}

let server: Server;

/** The repository behind the API; `folder` is where the step runs. Each test starts with fresh ones. */
export let repository: Repository;
export let requests: string[];
export let folder: string;

export const sha = (letter: string): string => letter.repeat(40);
export const address = (commit: string): string => `https://github.com/acme/lectern/commit/${commit}`;
export const passed = (commit: string): Deployment => ({ sha: commit, statuses: [{ state: "success" }] });
export const failed = (commit: string): Deployment => ({
  sha: commit,
  statuses: [{ state: "failure" }, { state: "in_progress" }],
});

/** A passed run of CI on a commit of main. */
export const checked = (commit: string) => ({ head_sha: commit, branch: "main", event: "push" });

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

/** The body of the answer. Undefined if there is no such thing. */
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
      const known = [...repository.main, ...Object.values(repository.refs)];
      if (!known.includes(base)) return undefined;
      return { status: compared(base, head) };
    }
    case "GET actions": {
      if (id !== "workflows" || rest !== "ci.yml/runs") return undefined;
      const { status, head_sha, branch, event } = Object.fromEntries(url.searchParams);
      const runs = repository.passedChecks.filter(
        (run) =>
          status === "success" && run.head_sha === head_sha && run.branch === branch && run.event === event,
      );
      return { total_count: runs.length };
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

const begin = async () => {
  folder = mkdtempSync(path.join(tmpdir(), "pipeline-"));
  requests = [];
  const main = ["a", "b", "c", "d"].map(sha);
  const passedChecks = main.map(checked);
  repository = { main, refs: {}, passedChecks, deployments: {}, comments: [], faults: [] };
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
};

const end = async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
};

/** Gives each test of the file an empty folder and a stand-in for GitHub. Several files may share this module. */
export const useGitHub = (): void => {
  beforeEach(begin);
  afterEach(end);
};

/** Runs a script as a workflow's step does. Returns its exit code, log, outputs and summary. */
export const step = async ([name = "", ...args]: readonly string[], variables: Record<string, string>) => {
  const { port } = server.address() as { port: number };
  const [outputFile, summaryFile] = ["output", "summary"].map((file) => path.join(folder, file)) as [
    string,
    string,
  ];
  for (const file of [outputFile, summaryFile]) writeFileSync(file, "");
  const child = spawn(process.execPath, [path.join(scripts, `${name}.mjs`), ...args], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      GITHUB_API_URL: `http://127.0.0.1:${port}`,
      GITHUB_SERVER_URL: "https://github.com",
      GITHUB_REPOSITORY: "acme/lectern",
      GITHUB_RUN_ID: "42",
      GITHUB_EVENT_NAME: "workflow_run",
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

/** A project whose npm script prints its arguments and these lines, and exits with this code. */
export const projectWith = (script: string, lines: readonly string[], code: number) => {
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

/** An error as SST prints it on a terminal. */
export const inRed = (text: string) => `\u001b[31m\u001b[1m✕\u001b[0m  ${text}`;
