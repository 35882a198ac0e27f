import type { Flow, Usage, Work } from "./usage.js";

export const work = (figures: Partial<Work> = {}): Work => ({
  invocations: 1,
  requests: 0,
  calls: 0,
  logBytes: 0,
  metricBytes: 0,
  computingMs: 0,
  ...figures,
});

/** A flow that uses only the given figures. */
export const flow = (figures: Partial<Flow> = {}): Flow => ({
  handshakes: 0,
  messagesIn: 0,
  messagesOut: 0,
  bytesOut: 0,
  otherCalls: 0,
  readUnits: 0,
  writeUnits: 0,
  functions: {},
  ...figures,
});

/** Flows of which only the given ones use anything. */
export const flows = (some: Partial<Usage["flows"]> = {}): Usage["flows"] => ({
  create: flow(),
  join: flow(),
  heartbeat: flow(),
  "heartbeat past the refresh moment": flow(),
  "listener refreshes": flow(),
  "speaker refreshes": flow(),
  "listener leaves": flow(),
  "session ends": flow(),
  "session ends, per listener": flow(),
  "reaper run": flow(),
  "reaper run, per connection": flow(),
  ...some,
});
