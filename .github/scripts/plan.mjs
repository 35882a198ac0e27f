// Finds the commit to deploy, and the commit to roll back to if that fails.
import { call, main, output, pages, variable } from "./step.mjs";

/** The most deployments to look through for one that passed. */
const most = 200;

const commitOf = async (ref, branch) => {
  const found = await call(`commits/${encodeURIComponent(ref)}`, { mayLack: true });
  if (!found) throw new Error(`${ref} is not a commit of this repository.`);
  const { status } = await call(`compare/${found.sha}...${encodeURIComponent(branch)}`);
  // Nobody has reviewed a commit that was never merged.
  if (status !== "ahead" && status !== "identical") {
    throw new Error(
      `${found.sha} is not in the history of ${branch}: only commits that were merged there are deployed.`,
    );
  }
  return found.sha;
};

/** The commit that a deployment's job deployed, from the environment's address. */
const deployedBy = ({ sha }, { environment_url }) =>
  environment_url?.match(/\/commit\/([0-9a-f]{40})$/)?.[1] ?? sha;

/**
 * The commit of the newest deployment that passed. All statuses count, because a later success sets an earlier one
 * inactive. The deployment of this job has no success yet.
 */
const lastGood = async (environment) => {
  let seen = 0;
  for await (const deployment of pages(`deployments?environment=${encodeURIComponent(environment)}`)) {
    for await (const status of pages(`deployments/${deployment.id}/statuses`)) {
      if (status.state === "success") return deployedBy(deployment, status);
    }
    seen += 1;
    if (seen === most) return undefined;
  }
  return undefined;
};

await main(async () => {
  const environment = variable("ENVIRONMENT");
  const commit = await commitOf(variable("REF"), variable("BRANCH"));
  const good = await lastGood(environment);
  console.log(`${environment}: ${good ?? "no commit that passed"} → ${commit}`);
  // A late approval or a repeated run would silently roll the stage back.
  if (good && good !== commit && variable("GITHUB_EVENT_NAME") === "push") {
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
