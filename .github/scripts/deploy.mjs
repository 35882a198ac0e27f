// Deploys the commit in this folder to a stage. Whether SST's lock was what refused it is told apart: whatever is deployed
// next would meet the same lock.
import { main, output, variable } from "./github.mjs";
import { npmRun } from "./npm.mjs";

/** SST says it in one of two ways, by where it notices. */
const lock = /concurrent update (was )?detected/i;

await main(async () => {
  const stage = variable("STAGE");
  const { passed, text } = await npmRun("deploy", "--stage", stage);
  const locked = !passed && lock.test(text);
  output("locked", `${locked}`);
  if (locked) throw new Error(`${stage} is locked: see docs/runbook.md, "A lock that was left behind".`);
  if (!passed) throw new Error(`${stage} could not be deployed.`);
});
