// Removes a pull request's stage. Where none ever came to be, SST fails, and there is nothing to remove.
import { main, variable } from "./github.mjs";
import { npmRun } from "./npm.mjs";

/** As a line of its own, a sign before it or not. */
const neverMade = /^\W*stage not found\W*$/im;

await main(async () => {
  const number = variable("NUMBER");
  if (!/^\d+$/.test(number)) throw new Error(`${number} is no number of a pull request.`);
  const stage = `pr-${number}`;
  const { passed, text } = await npmRun("remove", "--stage", stage);
  if (passed) return;
  if (!neverMade.test(text)) throw new Error(`${stage} could not be removed.`);
  console.log(`::notice::There is no stage ${stage}: it never came to be, or is removed already.`);
});
