// Adds up vitest's JSON reports, and prints `N passed, N failed` as its last line. Each of these counts as a failure too:
// a missing report, a report without tests, and a file that could not be loaded.
import { readFileSync } from "node:fs";

let passed = 0;
let failed = 0;
for (const file of process.argv.slice(2)) {
  try {
    const report = JSON.parse(readFileSync(file, "utf8"));
    const notLoaded = report.testResults.filter(
      ({ status, assertionResults }) =>
        status === "failed" && assertionResults.every((test) => test.status !== "failed"),
    ).length;
    const failures = report.numFailedTests + notLoaded;
    const isBroken = report.numPassedTests === 0 || !report.success;
    passed += report.numPassedTests;
    failed += isBroken ? Math.max(failures, 1) : failures;
  } catch (error) {
    console.error(`No report in ${file}: ${error.message}`);
    failed += 1;
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
