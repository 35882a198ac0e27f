import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { measureUsage } from "./measure.js";
import { staleness } from "./stale.js";
import { flow, flows, work } from "./testing.js";
import { readUsage, type Usage } from "./usage.js";

let committed: Usage;
let measured: Usage;

beforeAll(async () => {
  committed = await readUsage();
  measured = await measureUsage({ root: path.resolve(import.meta.dirname, "../../../.."), rounds: 0 });
});

test("usage.json is what the flows use; if not, `npm run cost -- --measure` writes it anew", () => {
  expect(
    staleness(committed, measured),
    "packages/cli/src/cost/usage.json is out of date: npm run cost -- --measure",
  ).toEqual([]);
});

const withFlow = (heartbeat: Parameters<typeof flow>[0]): Usage => ({
  ...committed,
  flows: flows({ heartbeat: flow(heartbeat) }),
});

test("a count that differs is told with both numbers", () => {
  expect(staleness(withFlow({ writeUnits: 1 }), withFlow({ writeUnits: 2 }))).toEqual([
    "heartbeat: writeUnits 2, in the file 1",
  ]);
  const beats = (requests: number) => withFlow({ functions: { "heartbeat-handler": work({ requests }) } });
  expect(staleness(beats(1), beats(2))).toEqual(["heartbeat: heartbeat-handler's requests 2, in the file 1"]);
});

test("a function that has come or gone is told", () => {
  const [without, withOne] = [withFlow({}), withFlow({ functions: { drain: work() } })];
  expect(staleness(without, withOne)).toEqual(["heartbeat: drain has come"]);
  expect(staleness(withOne, without)).toEqual(["heartbeat: drain has gone"]);
});

test("bytes may scatter by a quarter or forty bytes, and not by more", () => {
  const lines = (logBytes: number) => withFlow({ functions: { a: work({ logBytes }) } });
  expect(staleness(lines(400), lines(500))).toEqual([]);
  expect(staleness(lines(400), lines(501))).toEqual(["heartbeat: a's logBytes 501, in the file 400"]);
  expect(staleness(lines(0), lines(40))).toEqual([]);
  expect(staleness(lines(0), lines(41))).toEqual(["heartbeat: a's logBytes 41, in the file 0"]);
});

test("times and rows' sizes are not compared: they are this machine's and this moment's", () => {
  const timed = (computingMs: number) => withFlow({ functions: { a: work({ computingMs }) } });
  expect(staleness(timed(1), timed(1_000))).toEqual([]);
  expect(
    staleness(committed, { ...committed, date: "2001-01-01", rows: { ...committed.rows, session: 1 } }),
  ).toEqual([]);
});

test("a metric, an alarm or a setting that has changed is told", () => {
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
