// Finds the commit to deploy, and the commit to roll back to if that fails. Both are commits of main that passed their
// checks.
import { call, main, output, pages, variable } from "./step.mjs";

/** The most deployments to look through for one that passed. */
const most = 200;

/** The full name of the commit. Undefined if the repository has no such commit, branch or tag. */
const commitOf = async (ref) => (await call(`commits/${encodeURIComponent(ref)}`, { mayLack: true }))?.sha;

/**
 * Why a commit may not be deployed. Undefined if it may: it is in the history of `branch`, and its checks passed there.
 * GitHub itself records the runs of a workflow, so nobody can add a passed run to a commit.
 */
const refusalOf = async (commit, branch) => {
  const compared = await call(`compare/${commit}...${encodeURIComponent(branch)}`, { mayLack: true });
  if (compared?.status !== "ahead" && compared?.status !== "identical") {
    return `${commit} is not in the history of ${branch}: only commits that were merged there are deployed.`;
  }
  const query = new URLSearchParams({ head_sha: commit, branch, event: "push", status: "success" });
  const { total_count: passed } = await call(`actions/workflows/ci.yml/runs?${query}`);
  if (passed > 0) return undefined;
  return `The checks of ${commit} on ${branch} have not passed: see the workflow CI. A push of several commits checks only the last one.`;
};

/** The commit that a deployment's job deployed, from the environment's address. */
const deployedBy = ({ sha }, { environment_url }) =>
  environment_url?.match(/\/commit\/([0-9a-f]{40})$/)?.[1] ?? sha;

/**
 * The commit of the newest deployment that passed. All statuses count, because a later success sets an earlier one
 * inactive. The deployment of this job has no success yet. Any token with `deployments: write` can record a deployment, so
 * a recorded commit is skipped unless it may be deployed.
 */
const lastGood = async (environment, branch) => {
  let seen = 0;
  for await (const deployment of pages(`deployments?environment=${encodeURIComponent(environment)}`)) {
    for await (const status of pages(`deployments/${deployment.id}/statuses`)) {
      if (status.state !== "success") continue;
      const commit = deployedBy(deployment, status);
      const refusal = await refusalOf(commit, branch);
      if (!refusal) return commit;
      console.log(`::warning::Deployment ${deployment.id} is skipped: ${refusal}`);
      break;
    }
    seen += 1;
    if (seen === most) return undefined;
  }
  return undefined;
};

await main(async () => {
  const environment = variable("ENVIRONMENT");
  const [ref, branch] = [variable("REF"), variable("BRANCH")];
  const commit = await commitOf(ref);
  if (!commit) throw new Error(`${ref} is not a commit of this repository.`);
  const refusal = await refusalOf(commit, branch);
  if (refusal) throw new Error(refusal);
  const good = await lastGood(environment, branch);
  console.log(`${environment}: ${good ?? "no commit that passed"} → ${commit}`);
  // A late approval or a repeated run would silently roll the stage back.
  if (good && good !== commit && variable("GITHUB_EVENT_NAME") === "workflow_run") {
    const { status } = await call(`compare/${good}...${commit}`);
    if (status === "behind") {
      throw new Error(
        `${environment} runs ${good}, which is newer than ${commit}. To roll back, run Deploy by hand.`,
      );
    }
  }
  output("commit", commit);
  output("back", good === commit ? "" : (good ?? ""));
  output("why-not", good === commit ? "this is the last commit that passed" : "no commit has passed before");
});
