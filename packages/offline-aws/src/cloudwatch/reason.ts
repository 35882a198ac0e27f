import { type AlarmDefinition, comparisons } from "./alarm-definition.js";
import type { Assessment, Datapoint } from "./assess.js";

/** The reason for an alarm's state, in CloudWatch's words. */
export const reasonFor = (definition: AlarmDefinition, assessment: Assessment): string => {
  const { evaluationPeriods, datapointsToAlarm, threshold } = definition;
  const comparison = comparisons[definition.comparisonOperator];
  const { state, filled, datapoints } = assessment;
  if (state === "INSUFFICIENT_DATA")
    return `Insufficient Data: ${counted(evaluationPeriods)} ${be(evaluationPeriods)} unknown.`;
  const alarmed = state === "ALARM";
  const fill = { breaching: "Breaching", notBreaching: "NonBreaching", missing: "", ignore: "" }[
    definition.treatMissingData
  ];
  const treated = `${counted(filled, "missing ")} ${be(filled)} treated as [${fill}]`;
  if (datapoints.length === 0)
    return `Threshold Crossed: no datapoints were received for ${evaluationPeriods} period${plural(evaluationPeriods)} and ${treated}.`;
  const witnesses = datapoints.filter(({ value }) => comparison.breaches(value, threshold) === alarmed);
  // With a rule that fills gaps, all real points may be on the other side of the threshold.
  const shown = witnesses.length > 0 ? witnesses : datapoints;
  const not = alarmed === witnesses.length > 0 ? "" : "not ";
  const compared = `${list(shown)} ${be(shown.length)} ${not}${comparison.words} the threshold (${decimal(threshold)})`;
  if (filled > 0 && fill) return `Threshold Crossed: ${counted(shown.length)} ${compared} and ${treated}.`;
  const least = alarmed ? datapointsToAlarm : evaluationPeriods - datapointsToAlarm + 1;
  const transition = alarmed ? "OK -> ALARM" : "ALARM -> OK";
  return `Threshold Crossed: ${shown.length} out of the last ${evaluationPeriods} datapoints ${compared} (minimum ${counted(least)} for ${transition} transition).`;
};

const list = (datapoints: readonly Datapoint[]): string =>
  `[${datapoints.map(({ value, timestamp }) => `${decimal(value)} (${shortTime(timestamp)})`).join(", ")}]`;

/** `28/11/26 09:05:00`, in UTC. */
const shortTime = (timestamp: number): string => {
  const [date = "", time = ""] = new Date(timestamp).toISOString().split("T");
  return `${date.slice(2).split("-").reverse().join("/")} ${time.slice(0, 8)}`;
};

/** CloudWatch writes whole numbers with a decimal: `3.0`. */
const decimal = (value: number): string => (Number.isInteger(value) ? value.toFixed(1) : String(value));

const counted = (count: number, adjective = ""): string => `${count} ${adjective}datapoint${plural(count)}`;
const plural = (count: number): string => (count === 1 ? "" : "s");
const be = (count: number): string => (count === 1 ? "was" : "were");
