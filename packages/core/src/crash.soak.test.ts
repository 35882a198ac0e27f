import { test } from "vitest";
import { checkFlow, checkReaper, flows } from "./testing/crash.js";

const trials = [
  { streams: true, first: 0, every: 1, how: "the streams deliver unfinished records again" },
  { streams: false, first: 0, every: 1, how: "the streams' records are lost" },
];

test.each(flows.flatMap((flow) => trials.map((trial) => ({ ...flow, ...trial, flow, trial }))))(
  "invariant 7: $name, killed at any of its calls, is healed by two reaper runs: $how",
  ({ flow, trial }) => checkFlow(flow, trial),
);

test.each(trials)(
  "invariant 7: a reaper with everything to do, killed at any of its calls, is healed by two more runs: $how",
  checkReaper,
);
