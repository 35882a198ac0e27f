// Verifies the stage that was just deployed from this folder. A stage that is a minute old may still be taking up its
// streams, and its functions start cold: it gets three tries. The report of the last goes to the run's page, and to a
// file for the pull request's comment.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { main, summarize, variable, verbatim } from "./github.mjs";
import { npmRun } from "./npm.mjs";

const tries = 3;

/** Runs the verification once; whether it passed, and what it said. */
const verify = () => npmRun("verify", "--outputs", ".sst/outputs.json", "--temporary-user");

await main(async () => {
  for (let attempt = 1; ; attempt += 1) {
    const { passed, text } = await verify();
    if (!passed && attempt < tries) {
      console.log(`::warning::The verification failed (${attempt} of ${tries} tries).`);
      await setTimeout(Number(process.env.PAUSE_MS ?? 20_000));
      continue;
    }
    const which = attempt === 1 ? "at once" : `with try ${attempt} of ${tries}`;
    const head = passed ? `Verified ${which}` : `Not verified after ${tries} tries`;
    writeFileSync(path.join(variable("RUNNER_TEMP"), "verification.txt"), `${head}\n\n${text}\n`);
    summarize(`### ${head}\n\n${verbatim(text)}`);
    if (!passed) throw new Error("The deployed stage does not pass its verification.");
    return;
  }
});
