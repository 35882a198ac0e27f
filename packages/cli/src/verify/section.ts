import { type FunctionKey, functions } from "./evidence.js";

/** Sections of the documents that sentences point to. */
export const sections = {
  troubleshooting: "docs/deployment.md#troubleshooting",
  slowCreation: "docs/runbook.md#session-creation-latency",
  drift: "docs/runbook.md#count-drift",
  throttledFunctions: "docs/runbook.md#throttles-lambda",
  throttledTables: "docs/runbook.md#throttles-dynamodb",
} as const;

/** What to do about a function's failures. */
export const runbook = (key: FunctionKey): string => `docs/runbook.md#errors-${alarmOf(key)}`;

/** What to do about a stream that its function does not keep up with. */
export const streamAge = (key: "welcome" | "announce"): string =>
  `docs/runbook.md#stream-age-${alarmOf(key)}`;

/** The functions' names in those of their alarms. */
const alarmOf = (key: FunctionKey): string => functions[key].replace("session-", "");
