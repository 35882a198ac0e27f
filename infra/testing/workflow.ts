import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";

const root = path.resolve(import.meta.dirname, "../..");

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
  readonly name: string;
  readonly on: {
    readonly push?: { readonly branches: readonly string[] };
    readonly workflow_run?: Readonly<Record<string, readonly string[]>>;
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

/** An expression of a workflow: `expression("github.sha")` → `${{ github.sha }}`. */
export const expression = (text: string): string => `\${{ ${text} }}`;

export const read = (file: string): string => readFileSync(path.join(root, file), "utf8");
export const workflowNames = readdirSync(path.join(root, ".github/workflows")).map(
  (file) => path.parse(file).name,
);
export const actionNames = readdirSync(path.join(root, ".github/actions"));
export const workflow = (name: string): Workflow => parse(read(`.github/workflows/${name}.yml`));
export const action = (name: string): Action => parse(read(`.github/actions/${name}/action.yml`));

/** Whether a job's condition holds. GitHub's operators mean the same in JavaScript. */
export const holds = (condition = "true", contexts: Readonly<Record<string, unknown>>): boolean =>
  new Function(...Object.keys(contexts), `return ${condition}`)(...Object.values(contexts));
