import { expect, onTestFinished } from "vitest";
import { StackClock } from "../clock.js";
import { createStream, type StreamRecord } from "../dynamodb/stream.js";
import type { TableDefinition } from "../dynamodb/table.js";
import type { Outcome } from "../lambda/invocation.js";
import type { FailureMessage } from "./failure-message.js";
import type { Mapping, MappingEvent } from "./mapping.js";
import { startMapping } from "./start-mapping.js";

export const table: TableDefinition = {
  name: "Orders",
  arn: "arn:aws:dynamodb:eu-west-1:000000000000:table/Orders",
  hashKey: "id",
  attributes: [{ name: "id", type: "S" }],
  globalIndexes: [],
  stream: {
    arn: "arn:aws:dynamodb:eu-west-1:000000000000:table/Orders/stream/2026-01-01T00:00:00.000",
    viewType: "NEW_AND_OLD_IMAGES",
  },
  ttlAttribute: undefined,
};

/** `a3` is the third change of item a. */
export const labelOf = ({ dynamodb }: StreamRecord): string =>
  `${dynamodb.Keys.id?.S}${dynamodb.NewImage?.n?.N}`;

export const fine: Outcome = { kind: "returned", payload: null };
export const broken: Outcome = { kind: "failed", errorType: "Error", errorMessage: "broken" };

export type Handler = (records: readonly StreamRecord[], attempt: number) => Outcome | Promise<Outcome>;

export const start = (settings: Partial<Mapping>, handler: Handler) => {
  const clock = new StackClock();
  if (!table.stream) throw new Error("The orders have a stream");
  const stream = createStream(table, table.stream, { region: "eu-west-1", clock });
  const batches: string[][] = [];
  const failures: { destination: string; message: FailureMessage }[] = [];
  const events: MappingEvent[] = [];
  const watchers = new Set<() => void>();
  const append = (id: string, n: number) =>
    stream.append({ before: undefined, after: { id: { S: id }, n: { N: String(n) } } });
  const open = () => {
    const mapping = startMapping(
      {
        id: "mapping",
        functionName: "orders-local",
        functionArn: "arn:aws:lambda:eu-west-1:000000000000:function:orders-local",
        stream,
        startingPosition: "TRIM_HORIZON",
        filters: [],
        bisectBatchOnFunctionError: false,
        reportBatchItemFailures: false,
        parallelizationFactor: 1,
        ...settings,
      },
      {
        clock,
        async invoke(functionName, event) {
          expect(functionName).toBe("orders-local");
          const { Records } = event as { Records: StreamRecord[] };
          batches.push(Records.map(labelOf));
          return handler(Records, batches.length);
        },
        deliverFailure: (destination, message) => failures.push({ destination, message }),
        onEvent(event) {
          events.push(event);
          for (const watcher of watchers) watcher();
        },
      },
    );
    onTestFinished(async () => {
      await mapping.close();
      clock.close();
    });
    return mapping;
  };
  /** Resolves once the mapping has done something of this kind, `times` in all. */
  const saw = (kind: MappingEvent["kind"], times = 1): Promise<void> =>
    new Promise((resolve) => {
      const look = () => {
        if (events.filter((event) => event.kind === kind).length >= times) resolve();
      };
      watchers.add(look);
      look();
    });
  return { clock, stream, append, batches, failures, events, saw, open };
};

/** Moves the clock on whenever the mapping waits for its next attempt. */
export const hurry = async (run: ReturnType<typeof start>, until: Promise<void>): Promise<void> => {
  let over = false;
  const end = until.then(() => {
    over = true;
  });
  for (let waits = 1; !over; waits++) {
    await Promise.race([end, run.saw("retrying", waits)]);
    run.clock.advance(5_000);
  }
};
