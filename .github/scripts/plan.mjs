// Which commit is to be deployed, and which one the stage goes back to if that fails.
import { call, main, output, pages, variable } from "./github.mjs";

/** How many deployments are looked at: a stage that has failed so often in a row is in other hands by then. */
const most = 200;

const commitOf = async (ref, branch) => {
  const found = await call(`commits/${encodeURIComponent(ref)}`, { mayLack: true });
  if (!found) throw new Error(`${ref} is no commit of this repository.`);
  const { status } = await call(`compare/${found.sha}...${encodeURIComponent(branch)}`);
  // What was never merged has been reviewed by nobody.
  if (status !== "ahead" && status !== "identical") {
    throw new Error(
      `${found.sha} is not in the history of ${branch}: only what was merged there is deployed.`,
    );
  }
  return found.sha;
};

/** The commit that a deployment's job put onto the stage: it says so in the environment's address. */
const deployedBy = ({ sha }, { environment_url }) =>
  environment_url?.match(/\/commit\/([0-9a-f]{40})$/)?.[1] ?? sha;

/**
 * The commit of the newest deployment that passed. Its success is looked for among all its statuses: a later deployment
 * that passed makes it inactive. The deployment that this job is has none yet.
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
  console.log(`${environment}: ${good ?? "nothing that passed"} → ${commit}`);
  // Approved out of turn, or run again: the stage would silently go back.
  if (good && good !== commit && variable("GITHUB_EVENT_NAME") === "push") {
    const { status } = await call(`compare/${good}...${commit}`);
    if (status === "behind") {
      throw new Error(
        `${environment} runs ${good}, which is newer than ${commit}: to go back, run Deploy by hand.`,
      );
    }
  }
  output("commit", commit);
  output("back", good === commit ? "" : (good ?? ""));
  output(
    "why-not",
    good === commit ? "it is itself the last commit that passed" : "no commit has passed before",
  );
});
