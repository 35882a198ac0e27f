// Adds up vitest's JSON reports: the last line is `N passed, N failed`. A report that is missing, or that ran nothing, is a
// failure; so is a file that could not be loaded.
import { readFileSync } from "node:fs";

let passed = 0;
let failed = 0;
for (const file of process.argv.slice(2)) {
  try {
    const report = JSON.parse(readFileSync(file, "utf8"));
    const unloaded = report.testResults.filter(
      ({ status, assertionResults }) =>
        status === "failed" && assertionResults.every((test) => test.status !== "failed"),
    ).length;
    passed += report.numPassedTests;
    failed +=
      report.numFailedTests +
      unloaded +
      (report.numPassedTests === 0 || !report.success ? Number(report.numFailedTests + unloaded === 0) : 0);
  } catch (error) {
    console.error(`No report in ${file}: ${error.message}`);
    failed += 1;
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
