// Writes the result of a deployment onto the page of the run. A failed job has already failed when this runs.
import { main, summarize, variable } from "./step.mjs";

const sentence = () => {
  const { ENVIRONMENT: stage, COMMIT: commit, BACK: back, WHY_NOT: whyNot } = process.env;
  if (!commit) return `Nothing was deployed to ${stage}: the commit was refused.`;
  if (process.env.DEPLOYED === "success") return `${stage} runs ${commit}, verified.`;
  if (process.env.DEPLOYED === "skipped") {
    return `${commit} could not be prepared: ${stage} is unchanged.`;
  }
  if (process.env.DEPLOYED !== "failure") {
    return `The deployment of ${commit} to ${stage} was interrupted. SST's lock may be left behind: see docs/runbook.md.`;
  }
  if (process.env.LOCKED === "true") {
    return `${commit} was not deployed to ${stage}, which is unchanged: SST's lock is on it. Another deployment is running, or one was interrupted. See docs/runbook.md, "A lock that was left behind".`;
  }
  const failed = `${commit} failed on ${stage}.`;
  if (!back) {
    return `${failed} There is no commit to roll back to: ${whyNot}. The stage stays as it is for inspection.`;
  }
  if (process.env.WENT_BACK === "success") {
    return `${failed} ${stage} was rolled back to ${back}, and verified. docs/disaster-recovery.md lists what a rollback does not restore.`;
  }
  return `${failed} **The rollback to ${back} failed too**: ${stage} needs attention now. See docs/disaster-recovery.md.`;
};

await main(async () => {
  const result = sentence();
  summarize(`## ${variable("ENVIRONMENT")}\n\n${result}`);
  if (process.env.DEPLOYED !== "success") console.log(`::error::${result.replaceAll("**", "")}`);
});
