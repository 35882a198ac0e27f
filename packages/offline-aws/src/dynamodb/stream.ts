import { createHash, randomUUID } from "node:crypto";
import type { Clock } from "../clock.js";
import { type Item, itemSize, pick, sameItem } from "./item.js";
import { keyNames, keyOf, type StreamViewType, type TableDefinition } from "./table.js";

/** A record of a DynamoDB stream, as a Lambda function receives it. */
export interface StreamRecord {
  readonly eventID: string;
  readonly eventName: "INSERT" | "MODIFY" | "REMOVE";
  readonly eventVersion: "1.1";
  readonly eventSource: "aws:dynamodb";
  readonly awsRegion: string;
  readonly dynamodb: {
    /** Seconds since the epoch. */
    readonly ApproximateCreationDateTime: number;
    readonly Keys: Item;
    readonly NewImage?: Item;
    readonly OldImage?: Item;
    /** Digits of one length, so that they sort as strings and as numbers. */
    readonly SequenceNumber: string;
    readonly SizeBytes: number;
    readonly StreamViewType: StreamViewType;
  };
  readonly eventSourceARN: string;
  /** Only on what the TTL service deleted. */
  readonly userIdentity?: { readonly type: "Service"; readonly principalId: "dynamodb.amazonaws.com" };
}

export interface StreamEntry {
  readonly shardId: string;
  /** The same for all records of one item. */
  readonly keyHash: number;
  readonly record: StreamRecord;
}

/** A table's change log. It keeps records until every reader has finished them; without a reader, for 24 hours. */
export interface Stream {
  readonly arn: string;
  readonly viewType: StreamViewType;
  readonly shardIds: readonly string[];
  /** `onAppend` is called for each new record, before the write that made it is answered. */
  open(position: "TRIM_HORIZON" | "LATEST", onAppend: () => void): StreamReader;
}

export interface StreamReader {
  /** All records not taken yet, oldest first. */
  take(): readonly StreamEntry[];
  /** Says that this reader is done with an entry. */
  finish(entry: StreamEntry): void;
  /** How many records this reader has not finished, taken or not. */
  readonly backlog: number;
  close(): void;
}

export interface Change {
  readonly before: Item | undefined;
  readonly after: Item | undefined;
  readonly byTimeToLive?: boolean;
}

/** The writing side of a stream. */
export interface StreamLog extends Stream {
  /** Records a change; one that changed nothing leaves no record, as on AWS. */
  append(change: Change): void;
}

const shards = 4;
const retention = 24 * 3600_000;
const mostKept = 100_000;

interface Kept extends StreamEntry {
  readonly position: number;
  readonly at: number;
}

export const createStream = (
  table: TableDefinition,
  { arn, viewType }: NonNullable<TableDefinition["stream"]>,
  { region, clock }: { readonly region: string; readonly clock: Clock },
): StreamLog => {
  const started = String(clock.now()).padStart(20, "0");
  const shardIds = Array.from({ length: shards }, (_, index) => `shardId-${started}-0000000${index}`);
  const readers = new Set<{ floor(): number; readonly onAppend: () => void }>();
  const entries: Kept[] = [];
  let next = 0;

  const oldest = (): number => entries[0]?.position ?? next;

  const trim = (): void => {
    const floor = Math.min(...[...readers].map((reader) => reader.floor()));
    const horizon = clock.now() - retention;
    const keep = entries.findIndex(
      ({ at, position }) => at > horizon && (readers.size === 0 || position >= floor),
    );
    entries.splice(0, Math.max(keep === -1 ? entries.length : keep, entries.length - mostKept));
  };

  // Trimming looks at every reader, so it is done now and then, or when a reader has caught up.
  const trimSometimes = (): void => {
    if (next % 64 === 0 || entries.length < 64) trim();
  };

  return {
    arn,
    viewType,
    shardIds,
    append({ before, after, byTimeToLive = false }) {
      const image = after ?? before;
      if (image === undefined || (before && after && sameItem(before, after))) return;
      const keyHash = hash(keyOf(table, image) ?? "");
      const shardId = shardIds[keyHash % shards];
      if (shardId === undefined) return;
      const keys = pick(image, keyNames(table));
      const shown = {
        ...(after && (viewType === "NEW_AND_OLD_IMAGES" || viewType === "NEW_IMAGE") && { NewImage: after }),
        ...(before &&
          (viewType === "NEW_AND_OLD_IMAGES" || viewType === "OLD_IMAGE") && { OldImage: before }),
      };
      const position = next++;
      const at = clock.now();
      const record: StreamRecord = {
        eventID: randomUUID().replaceAll("-", ""),
        eventName: before ? (after ? "MODIFY" : "REMOVE") : "INSERT",
        eventVersion: "1.1",
        eventSource: "aws:dynamodb",
        awsRegion: region,
        dynamodb: {
          ApproximateCreationDateTime: Math.floor(at / 1000),
          Keys: keys,
          ...shown,
          SequenceNumber: `1${String(position + 1).padStart(20, "0")}`,
          SizeBytes: [keys, ...Object.values(shown)].reduce((size, part) => size + itemSize(part), 0),
          StreamViewType: viewType,
        },
        eventSourceARN: arn,
        ...(byTimeToLive && { userIdentity: { type: "Service", principalId: "dynamodb.amazonaws.com" } }),
      };
      entries.push({ shardId, keyHash, record, position, at });
      trimSometimes();
      for (const { onAppend } of [...readers]) onAppend();
    },
    open(position, onAppend) {
      trim();
      let read = position === "TRIM_HORIZON" ? oldest() : next;
      const unfinished = new Map<StreamEntry, number>();
      const reader = {
        onAppend,
        floor: (): number => unfinished.values().next().value ?? read,
      };
      readers.add(reader);
      return {
        take() {
          const taken = entries.slice(Math.max(0, read - oldest()));
          for (const entry of taken) unfinished.set(entry, entry.position);
          read = next;
          return taken;
        },
        finish(entry) {
          unfinished.delete(entry);
          trimSometimes();
        },
        get backlog() {
          return unfinished.size + next - Math.max(read, oldest());
        },
        close() {
          readers.delete(reader);
        },
      };
    },
  };
};

const hash = (text: string): number => createHash("md5").update(text).digest().readUInt32BE(0);
