import { expect, test } from "vitest";
import type { MissingData } from "./alarm-definition.js";
import { assess } from "./assess.js";

/** `0 - X - X`, the newest on the right: within the threshold, missing, breaching. */
const points = (drawing: string) =>
  drawing
    .split(" ")
    .map((mark, at) => (mark === "-" ? undefined : { timestamp: at, value: mark === "X" ? 9 : 1 }))
    .reverse();

const treatments: readonly MissingData[] = ["missing", "ignore", "breaching", "notBreaching"];

const statesOf = (drawing: string, datapointsToAlarm: number) =>
  treatments.map(
    (treatMissingData) =>
      assess(
        {
          evaluationPeriods: 3,
          datapointsToAlarm,
          threshold: 5,
          comparisonOperator: "GreaterThanThreshold",
          treatMissingData,
        },
        points(drawing),
      )?.state ?? "retained",
  );

test.each([
  ["0 - X - X", ["OK", "OK", "OK", "OK"]],
  ["0 - - - -", ["OK", "OK", "OK", "OK"]],
  ["- - - - -", ["INSUFFICIENT_DATA", "retained", "ALARM", "OK"]],
  ["0 X X - X", ["ALARM", "ALARM", "ALARM", "ALARM"]],
  ["- - X - -", ["ALARM", "retained", "ALARM", "OK"]],
])("3 out of 3: %s is as the documentation's table has it", (drawing, states) => {
  expect(statesOf(drawing, 3)).toEqual(states);
});

test.each([
  ["0 - X - X", ["ALARM", "ALARM", "ALARM", "ALARM"]],
  ["0 0 X 0 X", ["ALARM", "ALARM", "ALARM", "ALARM"]],
  ["0 - X - -", ["OK", "OK", "ALARM", "OK"]],
  ["- - - - 0", ["OK", "OK", "ALARM", "OK"]],
  ["- - - X -", ["ALARM", "retained", "ALARM", "OK"]],
])("2 out of 3: %s is as the documentation's table has it", (drawing, states) => {
  expect(statesOf(drawing, 2)).toEqual(states);
});

test("a single breaching point among missing ones raises the alarm only once it is M periods old", () => {
  expect(statesOf("- - - - X", 3)).toEqual(["retained", "retained", "ALARM", "OK"]);
  expect(statesOf("- - - X -", 3)).toEqual(["retained", "retained", "ALARM", "OK"]);
  expect(statesOf("X - - - -", 3)[0]).toBe("ALARM");
});

test("enough breaching points raise the alarm even when others are missing", () => {
  expect(statesOf("- - - X X", 2)).toEqual(["ALARM", "ALARM", "ALARM", "ALARM"]);
});

test.each([
  ["GreaterThanThreshold", [false, false, true]],
  ["GreaterThanOrEqualToThreshold", [false, true, true]],
  ["LessThanThreshold", [true, false, false]],
  ["LessThanOrEqualToThreshold", [true, true, false]],
] as const)("%s compares correctly at the threshold and on either side", (comparisonOperator, expected) => {
  const alarmed = [4.9, 5, 5.1].map(
    (value) =>
      assess(
        {
          evaluationPeriods: 1,
          datapointsToAlarm: 1,
          threshold: 5,
          comparisonOperator,
          treatMissingData: "missing",
        },
        [{ timestamp: 0, value }],
      )?.state === "ALARM",
  );
  expect(alarmed).toEqual(expected);
});
