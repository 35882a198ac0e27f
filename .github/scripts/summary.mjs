// What became of a deployment, in sentences on the run's page. The job has failed already where it has.
import { main, summarize, variable } from "./github.mjs";

const sentence = () => {
  const { ENVIRONMENT: stage, COMMIT: commit, BACK: back, WHY_NOT: whyNot } = process.env;
  if (!commit) return `Nothing was deployed to ${stage}: the commit was not accepted.`;
  if (process.env.DEPLOYED === "success") return `${stage} runs ${commit}, verified.`;
  if (process.env.DEPLOYED === "skipped") {
    return `${commit} could not be prepared: ${stage} is as it was.`;
  }
  if (process.env.DEPLOYED !== "failure") {
    return `The deployment of ${commit} to ${stage} was cut off. SST's lock may be left behind: see docs/runbook.md.`;
  }
  if (process.env.LOCKED === "true") {
    return `${commit} was not deployed to ${stage}, which is as it was: SST's lock is on it. Somebody else deploys there, or a deployment was cut off. See docs/runbook.md, "A lock that was left behind".`;
  }
  const failed = `${commit} failed on ${stage}.`;
  if (!back) {
    return `${failed} There is nothing to go back to: ${whyNot}. The stage is left as it is, to be looked at.`;
  }
  if (process.env.WENT_BACK === "success") {
    return `${failed} ${stage} was rolled back to ${back}, and verified. What that does not bring back is in docs/disaster-recovery.md.`;
  }
  return `${failed} **The way back to ${back} failed too**: ${stage} needs somebody now. See docs/disaster-recovery.md.`;
};

await main(async () => {
  const said = sentence();
  summarize(`## ${variable("ENVIRONMENT")}\n\n${said}`);
  if (process.env.DEPLOYED !== "success") console.log(`::error::${said.replaceAll("**", "")}`);
});
