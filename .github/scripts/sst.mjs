// Deploys the checked-out commit to a stage, or removes a pull request's stage: `node sst.mjs deploy` or `… remove`.
import { main, npmRun, output, variable } from "./step.mjs";

/** API Gateway's sentence about two changes of one API at a time. The next try makes the change that is missing. */
const conflict = /due to concurrent modification/i;

/** Runs an npm script of SST. Repeats it once if API Gateway refused a change because of another one. */
const sst = async (script, stage, ...options) => {
  const first = await npmRun(script, "--stage", stage, ...options);
  if (first.passed || !conflict.test(first.text)) return first;
  console.log(`::warning::API Gateway refused two changes of ${stage}'s API at a time. Repeating once.`);
  return npmRun(script, "--stage", stage, ...options);
};

/** SST's two sentences about its lock. */
const lock = /concurrent update (was )?detected/i;

/** The output `locked` tells that SST's lock refused the deployment: the next deployment would meet the same lock. */
const deploy = async () => {
  const stage = variable("STAGE");
  const { passed, text } = await sst("deploy", stage);
  const locked = !passed && lock.test(text);
  output("locked", `${locked}`);
  if (locked) throw new Error(`${stage} is locked: see docs/runbook.md, "A lock that was left behind".`);
  if (!passed) throw new Error(`${stage} could not be deployed.`);
};

/** SST's line about a stage that does not exist, perhaps behind a sign. */
const unknownStage = /^\W*stage not found\W*$/im;

const remove = async () => {
  const number = variable("NUMBER");
  if (!/^\d+$/.test(number)) throw new Error(`${number} is not the number of a pull request.`);
  const stage = `pr-${number}`;
  const { passed, text } = await sst("remove", stage, "--yes");
  if (passed) return;
  if (!unknownStage.test(text)) throw new Error(`${stage} could not be removed.`);
  console.log(`::notice::There is no stage ${stage}: it was never deployed, or is already removed.`);
};

await main(process.argv[2] === "remove" ? remove : deploy);
