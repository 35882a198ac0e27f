import { flow, flows, work } from "@lectern/cli/cost/testing";
import { usage as committed, type Usage } from "@lectern/cli/cost/usage";
import { expect, test } from "vitest";
import { perEach } from "./measure.js";
import { staleness } from "./usage.js";

const withFlow = (heartbeat: Parameters<typeof flow>[0]): Usage => ({
  ...committed,
  flows: flows({ heartbeat: flow(heartbeat) }),
});

test("the committed usage has a time for each function that ran", () => {
  for (const [name, { functions }] of Object.entries(committed.flows)) {
    expect([name, Object.keys(functions).length]).not.toEqual([name, 0]);
    for (const { invocations, computingMs } of Object.values(functions)) {
      if (invocations > 0) expect([name, computingMs > 0]).toEqual([name, true]);
    }
  }
});

test("a different count is named with both numbers", () => {
  expect(staleness(withFlow({ writeUnits: 1 }), withFlow({ writeUnits: 2 }))).toEqual([
    "heartbeat: writeUnits 2, in the file 1",
  ]);
  const beats = (requests: number) => withFlow({ functions: { "heartbeat-handler": work({ requests }) } });
  expect(staleness(beats(1), beats(2))).toEqual(["heartbeat: heartbeat-handler requests 2, in the file 1"]);
});

test("a function that is new or missing is named", () => {
  const [without, withOne] = [withFlow({}), withFlow({ functions: { drain: work() } })];
  expect(staleness(without, withOne)).toEqual(["heartbeat: drain is not in the file"]);
  expect(staleness(withOne, without)).toEqual(["heartbeat: drain is in the file, but was not invoked"]);
});

test("bytes may differ by a quarter or 40 bytes, and no more", () => {
  const lines = (logBytes: number) => withFlow({ functions: { a: work({ logBytes }) } });
  expect(staleness(lines(400), lines(500))).toEqual([]);
  expect(staleness(lines(400), lines(501))).toEqual(["heartbeat: a logBytes 501, in the file 400"]);
  expect(staleness(lines(0), lines(40))).toEqual([]);
  expect(staleness(lines(0), lines(41))).toEqual(["heartbeat: a logBytes 41, in the file 0"]);
});

test("times, the date and the sizes of rows are not compared", () => {
  const timed = (computingMs: number) => withFlow({ functions: { a: work({ computingMs }) } });
  expect(staleness(timed(1), timed(1_000))).toEqual([]);
  expect(
    staleness(committed, { ...committed, date: "2001-01-01", rows: { ...committed.rows, session: 1 } }),
  ).toEqual([]);
});

test("a different metric, alarm or setting is named", () => {
  expect(staleness(committed, { ...committed, series: ["One"] })).toEqual([
    expect.stringMatching(/^metrics One, in the file ActiveSessions, /),
  ]);
  const { stage } = committed;
  expect(staleness(committed, { ...committed, stage: { ...stage, dashboards: 2 } })).toEqual([
    "prod's dashboards 2, in the file 1",
  ]);
  expect(
    staleness(committed, { ...committed, stage: { ...stage, alarms: { ...stage.alarms, another: 1 } } }),
  ).toEqual([expect.stringMatching(/^prod's alarms \{.*"another":1\}, in the file /)]);
});

test("the share of each is the difference between none and all, divided by the count", () => {
  const without = flow({ writeUnits: 2, functions: { a: work({ invocations: 1, requests: 2 }) } });
  const withFive = flow({
    writeUnits: 17,
    messagesOut: 5,
    functions: { a: work({ invocations: 6, requests: 7 }) },
  });
  expect(perEach(without, withFive, 5)).toEqual(
    flow({ writeUnits: 3, messagesOut: 1, functions: { a: work({ invocations: 1, requests: 1 }) } }),
  );
});

test("times and bytes that vary never make the share negative", () => {
  const slow = flow({ functions: { a: work({ computingMs: 9, logBytes: 301, metricBytes: 10 }) } });
  const quick = flow({ functions: { a: work({ computingMs: 8, logBytes: 300, metricBytes: 15 }) } });
  expect(perEach(slow, quick, 5).functions.a).toEqual(
    work({ invocations: 0, computingMs: 0, logBytes: 0, metricBytes: 1 }),
  );
});
