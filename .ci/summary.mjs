// Adds up vitest's JSON reports. Names each failed test, with its message, and prints `N passed, N failed` as its last line.
// Each of these counts as a failure too: a missing report, a report without tests, and a file that could not be loaded.
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { stripVTControlCharacters } from "node:util";

/** The first lines of what a test or a file failed with; the whole stands in vitest's own output. */
const excerpt = (message) => stripVTControlCharacters(message).split("\n").slice(0, 20).join("\n    ");

let passed = 0;
const failures = [];
for (const file of process.argv.slice(2)) {
  try {
    const report = JSON.parse(readFileSync(file, "utf8"));
    const before = failures.length;
    for (const { name, status, message, assertionResults } of report.testResults) {
      const failed = assertionResults.filter((test) => test.status === "failed");
      const path = relative(process.cwd(), name);
      for (const test of failed)
        failures.push(`${path} > ${test.fullName}\n    ${excerpt(test.failureMessages.join("\n"))}`);
      if (status === "failed" && failed.length === 0)
        failures.push(`${path} could not be loaded\n    ${excerpt(message)}`);
    }
    passed += report.numPassedTests;
    const isBroken = report.numPassedTests === 0 || !report.success;
    if (isBroken && failures.length === before)
      failures.push(`${file} reports no success: ${report.numPassedTests} tests passed`);
  } catch (error) {
    failures.push(`No report in ${file}: ${error.message}`);
  }
}
for (const failure of failures) console.log(`FAILED ${failure}`);
console.log(`${passed} passed, ${failures.length} failed`);
process.exit(failures.length === 0 && passed > 0 ? 0 : 1);
