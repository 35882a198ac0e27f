import type { Clock } from "../clock.js";
import { type RunningMapping, startMapping } from "../event-source/index.js";
import type { Invoke } from "../lambda/invocation.js";
import type { Schedule } from "../plan/trigger.js";
import { UserError } from "../user-error.js";
import type { Parts } from "./http.js";

/** The actions that AWS asks of a role before it creates a mapping from a stream. */
const streamActions = ["DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"];

/** @throws {UserError} for a table without a stream, and for a role that may not read it */
export const startMappings = ({
  planned,
  lambda,
  dynamodb,
  clock,
  authorize,
  keys,
  observation,
}: Parts): RunningMapping[] =>
  planned.mappings.map(({ streamArn, ...mapping }) => {
    const { id, functionName } = mapping;
    const stream = dynamodb.streams.get(streamArn);
    if (!stream) throw new UserError(`Mapping ${id} reads ${streamArn}, but that table has no stream.`);
    const accessKeyId = keys.byFunction.get(functionName);
    for (const action of streamActions) {
      const access = authorize({ accessKeyId, action: `dynamodb:${action}`, resource: streamArn });
      if (!access.allowed) throw new UserError(`Mapping ${id} cannot be made. ${access.message}.`);
    }
    return startMapping(
      { ...mapping, stream },
      {
        invoke: lambda.invoke,
        clock,
        deliverFailure: observation.observer.onFailureDelivered,
        onEvent: (event) => observation.onMappingEvent(functionName, event),
      },
    );
  });

/** Invokes each schedule's function once per period, by the stack's clock. Returns the function that stops them. */
export const startSchedules = (
  schedules: readonly Schedule[],
  { clock, invoke }: { readonly clock: Clock; readonly invoke: Invoke },
): (() => void) => {
  const stops = schedules.map(({ functionName, periodMs, input }) =>
    every(clock, periodMs, () => void invoke(functionName, input)),
  );
  return () => {
    for (const stop of stops) stop();
  };
};

/** Calls back once per period. A jump of the clock over several periods calls back once. */
export const every = (clock: Clock, periodMs: number, callback: () => void): (() => void) => {
  let cancel = (): void => undefined;
  const arm = (): void => {
    cancel = clock.after(periodMs, () => {
      arm();
      callback();
    });
  };
  arm();
  return () => cancel();
};
