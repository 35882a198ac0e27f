// Verifies the stage that was just deployed from this folder. It gets three tries, because the streams of a new stage may
// take a minute to start. The last report goes to the page of the run, and to a file for the pull request's comment.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { main, npmRun, summarize, variable, verbatim } from "./step.mjs";

const tries = 3;

const verify = () => npmRun("verify", "--outputs", ".sst/outputs.json", "--temporary-user");

await main(async () => {
  for (let attempt = 1; ; attempt += 1) {
    const { passed, text } = await verify();
    if (!passed && attempt < tries) {
      console.log(`::warning::The verification failed (${attempt} of ${tries} tries).`);
      await setTimeout(Number(process.env.PAUSE_MS ?? 20_000));
      continue;
    }
    const which = attempt === 1 ? "at the first try" : `at try ${attempt} of ${tries}`;
    const head = passed ? `Verified ${which}` : `Not verified after ${tries} tries`;
    writeFileSync(path.join(variable("RUNNER_TEMP"), "verification.txt"), `${head}\n\n${text}\n`);
    summarize(`### ${head}\n\n${verbatim(text)}`);
    if (!passed) throw new Error("The deployed stage failed its verification.");
    return;
  }
});
