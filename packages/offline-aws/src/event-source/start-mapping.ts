import { setImmediate as nextTurn } from "node:timers/promises";
import { createPauses, type Pause } from "../dynamodb/pauses.js";
import type { StreamEntry } from "../dynamodb/stream.js";
import { type Dependencies, handleBatch } from "./batch.js";
import { compileFilters } from "./filter.js";
import type { Mapping } from "./mapping.js";

export interface RunningMapping {
  /** Resolves once everything that is in the stream now or comes meanwhile has been handled, and on close. */
  idle(): Promise<void>;
  /** Stops at once; resolves when no invocation of this mapping is under way any more. */
  close(): Promise<void>;
}

/** Part of a shard: the records of some of its items, handled one batch after the other. */
interface Lane {
  readonly queue: StreamEntry[];
  running: Promise<void> | undefined;
  /** The batching window that is open. */
  window: Pause | undefined;
}

const defaultBatchSize = 100;

/** Feeds a function from a stream, as a Lambda event-source mapping does. Throws on a filter that is not valid. */
export const startMapping = (mapping: Mapping, dependencies: Dependencies): RunningMapping => {
  const { stream, parallelizationFactor, batchSize = defaultBatchSize } = mapping;
  const accepts = compileFilters(mapping.filters, mapping.id);
  const pauses = createPauses(dependencies.clock);
  const lanes = new Map<string, Lane>();
  const waiting = new Set<() => void>();
  let closed = false;

  const finish = (entries: readonly StreamEntry[]): void => {
    for (const entry of entries) reader.finish(entry);
    if (reader.backlog === 0) release();
  };

  const release = (): void => {
    for (const resolve of waiting) resolve();
    waiting.clear();
  };

  const options = { ...dependencies, mapping, pauses, isClosed: () => closed, finish };

  const laneOf = ({ shardId, keyHash }: StreamEntry): Lane => {
    // The shard took the hash's remainder, so the lanes of a shard go by what is left of it.
    const name = `${shardId}/${Math.floor(keyHash / stream.shardIds.length) % parallelizationFactor}`;
    const lane = lanes.get(name) ?? { queue: [], running: undefined, window: undefined };
    lanes.set(name, lane);
    return lane;
  };

  const run = async (lane: Lane): Promise<void> => {
    // Records that are written in the same turn share a batch.
    await nextTurn();
    while (lane.queue.length > 0 && !closed) {
      await fillWindow(lane);
      if (closed) break;
      await handleBatch(lane.queue.splice(0, batchSize), options);
    }
    lane.running = undefined;
  };

  const fillWindow = async (lane: Lane): Promise<void> => {
    const seconds = mapping.maximumBatchingWindowInSeconds ?? 0;
    if (seconds === 0 || lane.queue.length >= batchSize) return;
    lane.window = pauses.start(seconds * 1000);
    await lane.window.over;
    lane.window = undefined;
  };

  const onAppend = (): void => {
    for (const entry of reader.take()) {
      if (!accepts(entry.record)) {
        dependencies.onEvent?.({ kind: "filtered", record: entry.record });
        finish([entry]);
        continue;
      }
      const lane = laneOf(entry);
      lane.queue.push(entry);
      if (lane.queue.length >= batchSize) lane.window?.cut();
      lane.running ??= run(lane);
    }
  };

  const reader = stream.open(mapping.startingPosition, onAppend);
  onAppend();

  return {
    idle: () =>
      closed || reader.backlog === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            waiting.add(resolve);
          }),
    async close() {
      closed = true;
      reader.close();
      pauses.end();
      release();
      await Promise.all([...lanes.values()].map(({ running }) => running));
    },
  };
};
