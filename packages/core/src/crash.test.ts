import { test } from "vitest";
import { checkFlow, checkReaper, flows } from "./testing/crash.js";

// Every third call; with and without streams these are different calls. The soak test takes every call.
const trials = [
  { streams: true, first: 0, every: 3, how: "the streams deliver unfinished records again" },
  { streams: false, first: 1, every: 3, how: "the streams' records are lost" },
];

test.each(flows.flatMap((flow) => trials.map((trial) => ({ ...flow, ...trial, flow, trial }))))(
  "invariant 7: $name, killed at every third of its calls, is healed by two reaper runs: $how",
  ({ flow, trial }) => checkFlow(flow, trial),
);

test.each(trials)(
  "invariant 7: a reaper with everything to do, killed at every third of its calls, is healed by two more runs: $how",
  checkReaper,
);
