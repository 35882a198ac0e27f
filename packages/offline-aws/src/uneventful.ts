import type { RequestRecord } from "./dynamodb/index.js";
import type { GatewayEvent } from "./gateway/api.js";
import type { InvocationRecord } from "./lambda/scheduler.js";
import type { Schedule } from "./plan/trigger.js";

/** An invocation as observers get it. */
export interface ObservedInvocation extends InvocationRecord {
  /** True for a scheduled run that returned, wrote no item and made no `@connections` request. */
  readonly uneventful: boolean;
}

/** Follows what functions do to tables and connections, and marks the scheduled runs that did nothing. */
export const createUneventful = (options: {
  readonly schedules: readonly Schedule[];
  /** The function that signs with an access key. */
  readonly functionOf: (accessKeyId: string | undefined) => string | undefined;
  /** By the stack's clock. */
  readonly now: () => number;
}) => {
  /** When each function last did something, ms since the epoch. */
  const lastEffects = new Map<string, number>();
  const note = (accessKeyId: string | undefined): void => {
    const functionName = options.functionOf(accessKeyId);
    if (functionName !== undefined) lastEffects.set(functionName, options.now());
  };
  // A schedule hands its own input object to the function, so identity tells its runs from all others.
  const isScheduled = ({ functionName, event }: InvocationRecord): boolean =>
    options.schedules.some((schedule) => schedule.functionName === functionName && schedule.input === event);

  return {
    onRequest: ({ operation, accessKeyId, errorType }: RequestRecord): void => {
      if (writes.has(operation) && errorType === undefined) note(accessKeyId);
    },
    onGatewayEvent: (event: GatewayEvent): void => {
      if (event.kind === "callback") note(event.accessKeyId);
    },
    mark: (record: InvocationRecord): ObservedInvocation => ({
      ...record,
      uneventful:
        record.outcome.kind === "returned" &&
        isScheduled(record) &&
        (lastEffects.get(record.functionName) ?? 0) < record.startedAt,
    }),
  };
};

const writes = new Set(["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"]);
