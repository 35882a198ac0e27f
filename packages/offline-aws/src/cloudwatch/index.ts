export type { AlarmStatus } from "./alarm.js";
export { type AlarmDefinition, comparisons } from "./alarm-definition.js";
export { type CloudWatch, startCloudWatch } from "./cloudwatch.js";
export type { Metrics } from "./metrics.js";
