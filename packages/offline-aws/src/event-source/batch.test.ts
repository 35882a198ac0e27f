import { describe, expect, test } from "vitest";
import type { Outcome } from "../lambda/invocation.js";
import { broken, fine, type Handler, hurry, labelOf, start, table } from "./testing.js";

describe("errors", () => {
  test("a failed batch is retried whole, and what comes after it waits", async () => {
    const run = start({ batchSize: 2 }, (_, attempt) => (attempt <= 2 ? broken : fine));
    const mapping = run.open();
    for (let n = 1; n <= 3; n++) run.append("a", n);
    await hurry(run, mapping.idle());
    expect(run.batches).toEqual([["a1", "a2"], ["a1", "a2"], ["a1", "a2"], ["a3"]]);
    const waits = run.events.flatMap((event) => (event.kind === "retrying" ? [event.afterMs] : []));
    expect(waits).toEqual([100, 200]);
  });

  test("a function that times out has failed", async () => {
    const run = start({ maximumRetryAttempts: 0 }, () => ({ kind: "timed-out", afterSeconds: 3 }));
    const mapping = run.open();
    run.append("a", 1);
    await mapping.idle();
    expect(run.events.at(-1)).toMatchObject({ kind: "discarded", condition: "RetryAttemptsExhausted" });
  });

  test("after its retries a batch is given up and the destination told where it was", async () => {
    const onFailureArn = "arn:aws:sqs:eu-west-1:000000000000:failures";
    const run = start({ maximumRetryAttempts: 2, onFailureArn }, ([record]) =>
      record && labelOf(record) === "a1" ? broken : fine,
    );
    const mapping = run.open();
    for (let n = 1; n <= 2; n++) run.append("a", n);
    await hurry(run, mapping.idle());
    run.append("a", 3);
    await mapping.idle();
    expect(run.batches).toEqual([["a1", "a2"], ["a1", "a2"], ["a1", "a2"], ["a3"]]);
    expect(run.failures).toEqual([
      {
        destination: onFailureArn,
        message: {
          requestContext: {
            requestId: expect.any(String),
            functionArn: "arn:aws:lambda:eu-west-1:000000000000:function:orders-local",
            condition: "RetryAttemptsExhausted",
            approximateInvokeCount: 3,
          },
          responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError: "Unhandled" },
          version: "1.0",
          timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]+\.\d{3}Z$/),
          DDBStreamBatchInfo: {
            shardId: expect.stringMatching(/^shardId-/),
            startSequenceNumber: expect.stringMatching(/01$/),
            endSequenceNumber: expect.stringMatching(/02$/),
            approximateArrivalOfFirstRecord: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
            approximateArrivalOfLastRecord: expect.stringMatching(/Z$/),
            batchSize: 2,
            streamArn: table.stream?.arn,
          },
        },
      },
    ]);
  });

  test("bisecting isolates the bad record without using up retries", async () => {
    const settings = { bisectBatchOnFunctionError: true, maximumRetryAttempts: 1, onFailureArn: "arn:queue" };
    const run = start(settings, (records) =>
      records.some((record) => labelOf(record) === "a3") ? broken : fine,
    );
    const mapping = run.open();
    for (let n = 1; n <= 4; n++) run.append("a", n);
    await hurry(run, mapping.idle());
    expect(run.batches).toEqual([
      ["a1", "a2", "a3", "a4"],
      ["a1", "a2"],
      ["a3", "a4"],
      ["a3"],
      ["a3"],
      ["a4"],
    ]);
    expect(run.failures).toHaveLength(1);
    expect(run.failures[0]?.message.DDBStreamBatchInfo.batchSize).toBe(1);
  });

  test("a throttled function is tried again without limit", async () => {
    const run = start({ maximumRetryAttempts: 0 }, (_, attempt) =>
      attempt <= 4 ? { kind: "throttled" } : fine,
    );
    const mapping = run.open();
    run.append("a", 1);
    await hurry(run, mapping.idle());
    expect(run.batches).toHaveLength(5);
    expect(run.failures).toEqual([]);
  });

  test("records that grow too old are given up, those that were never tried without a response", async () => {
    const run = start({ maximumRecordAgeInSeconds: 60, onFailureArn: "arn:queue" }, () => broken);
    run.append("a", 1);
    run.clock.advance(120_000);
    const mapping = run.open();
    await mapping.idle();
    expect(run.batches).toEqual([]);
    expect(run.failures[0]?.message.requestContext).toMatchObject({
      condition: "RecordAgeExceeded",
      approximateInvokeCount: 0,
    });
    expect(run.failures[0]?.message).not.toHaveProperty("responseContext");
    run.append("a", 2);
    await run.saw("retrying");
    run.clock.advance(120_000);
    await mapping.idle();
    expect(run.failures[1]?.message).toMatchObject({
      requestContext: { condition: "RecordAgeExceeded", approximateInvokeCount: 1 },
      responseContext: { functionError: "Unhandled" },
    });
  });

  test("infinite retries end when the stream forgets the record after a day", async () => {
    const run = start({ onFailureArn: "arn:queue" }, () => broken);
    const mapping = run.open();
    run.append("a", 1);
    await run.saw("retrying");
    run.clock.advance(25 * 3600_000);
    await mapping.idle();
    expect(run.failures[0]?.message.requestContext.condition).toBe("RecordAgeExceeded");
  });
});

describe("partial responses", () => {
  const failing = (label: string, times: number): Handler => {
    let left = times;
    return (records) => {
      const at = records.find((record) => labelOf(record) === label);
      if (!at || left-- <= 0) return { kind: "returned", payload: { batchItemFailures: [] } };
      return report(records.slice(records.indexOf(at)).map(({ dynamodb }) => dynamodb.SequenceNumber));
    };
  };
  const report = (identifiers: unknown[]): Outcome => ({
    kind: "returned",
    payload: { batchItemFailures: identifiers.map((itemIdentifier) => ({ itemIdentifier })).reverse() },
  });

  test("the batch goes on from the lowest sequence number that failed", async () => {
    const run = start({ reportBatchItemFailures: true }, failing("a3", 1));
    const mapping = run.open();
    for (let n = 1; n <= 4; n++) run.append("a", n);
    await hurry(run, mapping.idle());
    expect(run.batches).toEqual([
      ["a1", "a2", "a3", "a4"],
      ["a3", "a4"],
    ]);
  });

  test("with bisecting, too, and then the bad record is isolated and what follows it is served", async () => {
    const settings = {
      reportBatchItemFailures: true,
      bisectBatchOnFunctionError: true,
      maximumRetryAttempts: 1,
      onFailureArn: "arn:queue",
    };
    const run = start(settings, failing("a2", 100));
    const mapping = run.open();
    for (let n = 1; n <= 4; n++) run.append("a", n);
    await hurry(run, mapping.idle());
    expect(run.batches).toEqual([
      ["a1", "a2", "a3", "a4"],
      ["a2", "a3", "a4"],
      ["a2", "a3"],
      ["a2"],
      ["a2"],
      ["a3"],
      ["a4"],
    ]);
    expect(run.failures.map(({ message }) => message.DDBStreamBatchInfo.batchSize)).toEqual([1]);
    expect(run.failures[0]?.message.responseContext).not.toHaveProperty("functionError");
  });

  test.each([
    ["null", null],
    ["an empty object", {}],
    ["an empty list", { batchItemFailures: [] }],
    ["a null list", { batchItemFailures: null }],
  ])("%s is success", async (_, payload) => {
    const run = start({ reportBatchItemFailures: true }, () => ({ kind: "returned", payload }));
    const mapping = run.open();
    run.append("a", 1);
    await mapping.idle();
    expect(run.batches).toHaveLength(1);
    expect(run.events.map(({ kind }) => kind)).toEqual(["invoked"]);
  });

  test.each([
    ["an empty identifier", [{ itemIdentifier: "" }]],
    ["a null identifier", [{ itemIdentifier: null }]],
    ["a wrong key", [{ id: "1" }]],
    ["an identifier of another batch", [{ itemIdentifier: "7" }]],
    ["no list", "all"],
  ])("%s fails the batch whole", async (_, batchItemFailures) => {
    const run = start({ reportBatchItemFailures: true, maximumRetryAttempts: 0 }, () => ({
      kind: "returned",
      payload: { batchItemFailures },
    }));
    const mapping = run.open();
    for (let n = 1; n <= 2; n++) run.append("a", n);
    await mapping.idle();
    expect(run.events.at(-1)).toMatchObject({ kind: "discarded", records: [{}, {}] });
  });

  test("a response counts for nothing unless the mapping asks for it", async () => {
    const run = start({}, failing("a1", 100));
    const mapping = run.open();
    run.append("a", 1);
    await mapping.idle();
    expect(run.batches).toEqual([["a1"]]);
  });
});
