import { beforeEach, expect, test } from "vitest";
import type { RequestRecord } from "./dynamodb/index.js";
import type { InvocationRecord } from "./lambda/scheduler.js";
import { createUneventful } from "./uneventful.js";

const input = {};
const key = "KEY";
let now: number;
let uneventful: ReturnType<typeof createUneventful>;

beforeEach(() => {
  now = 1_000;
  uneventful = createUneventful({
    schedules: [{ name: "Sweep", functionName: "sweep", periodMs: 60_000, input }],
    functionOf: (accessKeyId) => (accessKeyId === key ? "sweep" : undefined),
    now: () => now,
  });
});

const run: InvocationRecord = {
  functionName: "sweep",
  requestId: "r",
  coldStart: false,
  durationMs: 5,
  outcome: { kind: "returned", payload: null },
  startedAt: 1_000,
  event: input,
};

const isUneventful = (record: Partial<InvocationRecord> = {}): boolean =>
  uneventful.mark({ ...run, ...record }).uneventful;

const request = (record: Partial<RequestRecord>): void =>
  uneventful.onRequest({
    operation: "PutItem",
    accessKeyId: key,
    errorType: undefined,
    ...record,
  } as RequestRecord);

test("a scheduled run that did nothing is uneventful; an invocation with another event is not", () => {
  expect(isUneventful()).toBe(true);
  expect(isUneventful({ event: {} })).toBe(false);
  expect(isUneventful({ functionName: "other" })).toBe(false);
});

test("a run that failed is not uneventful", () => {
  expect(isUneventful({ outcome: { kind: "throttled" } })).toBe(false);
});

test("a read, a refused write and another's write change nothing", () => {
  request({ operation: "Scan" });
  request({ errorType: "ConditionalCheckFailedException" });
  request({ accessKeyId: undefined });
  expect(isUneventful()).toBe(true);
});

test("a write makes the run eventful, and the next one uneventful again", () => {
  request({ operation: "DeleteItem" });
  expect(isUneventful()).toBe(false);
  expect(isUneventful({ startedAt: 2_000 })).toBe(true);
});

test("so does a request to a connection", () => {
  uneventful.onGatewayEvent({ kind: "callback", accessKeyId: key });
  expect(isUneventful()).toBe(false);
});
