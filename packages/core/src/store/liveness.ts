import { BatchGetCommand } from "@aws-sdk/lib-dynamodb";
import pMap from "p-map";
import * as v from "valibot";
import type { Core } from "../port/core.js";
import { hashId } from "../value/hash.js";
import { isUnavailable, withRetry } from "./retry.js";

/** The RateLimits row with a connection's heartbeat limit and the time of its last heartbeat (`lastSeenAt`, ms). */
export const livenessId = (connectionId: string): string => `heartbeat:connection:${hashId(connectionId)}`;

/** BatchGetItem takes up to 100 keys. */
const batchSize = 100;
/** Reads 1,000 rows at once: 500 units, where one partition allows 3,000 a second. */
const batchesAtOnce = 10;

const rowSchema = v.object({ identifier: v.string(), lastSeenAt: v.number() });

/**
 * When each connection sent its last heartbeat (ms). A connection without a liveness row is absent from the map; one
 * whose row could not be read is `unknown`.
 */
export const lastHeartbeats = async (
  core: Core,
  connectionIds: readonly string[],
): Promise<ReadonlyMap<string, number | "unknown">> => {
  const heartbeats = new Map<string, number | "unknown">(connectionIds.map((id) => [id, "unknown"]));
  const starts = Array.from({ length: Math.ceil(connectionIds.length / batchSize) }, (_, n) => n * batchSize);
  let isDown = false;
  await pMap(
    starts,
    async (start) => {
      // A further batch would take as long to fail, and use up the run's time.
      if (isDown) return;
      const batch = new Map(
        connectionIds.slice(start, start + batchSize).map((id) => [livenessId(id), id] as const),
      );
      try {
        const rows = await readBatch(core, [...batch.keys()]);
        for (const [identifier, connectionId] of batch) {
          const at = rows.get(identifier);
          if (at === undefined) heartbeats.delete(connectionId);
          else heartbeats.set(connectionId, at);
        }
      } catch (error) {
        if (!isUnavailable(error)) throw error;
        if (!isDown) core.log.warn("Liveness rows cannot be read: only API Gateway's lastActiveAt counts");
        isDown = true;
      }
    },
    { concurrency: batchesAtOnce },
  );
  return heartbeats;
};

/** The times in one batch of liveness rows; `unknown` for a row that DynamoDB left unprocessed. */
const readBatch = async (
  core: Core,
  identifiers: readonly string[],
): Promise<ReadonlyMap<string, number | "unknown">> => {
  const table = core.tables.rateLimits;
  const read = new BatchGetCommand({
    RequestItems: { [table]: { Keys: identifiers.map((identifier) => ({ identifier })) } },
  });
  const { Responses = {}, UnprocessedKeys = {} } = await withRetry(true, () => core.db.send(read));
  const rows = v.parse(v.array(rowSchema), Responses[table] ?? []);
  return new Map<string, number | "unknown">([
    ...(UnprocessedKeys[table]?.Keys ?? []).map(({ identifier }) => [identifier, "unknown"] as const),
    ...rows.map(({ identifier, lastSeenAt }) => [identifier, lastSeenAt] as const),
  ]);
};
