import type { TableDefinition } from "offline-aws";
import type { Tables } from "../port/core.js";
import { byLanguage } from "../store/connection.table.js";

export const tables: Tables = {
  sessions: "Sessions-test",
  connections: "Connections-test",
  rateLimits: "RateLimits-test",
};

const arn = (name: string): string => `arn:aws:dynamodb:us-east-1:000000000000:table/${name}`;

export const streamArn = (name: string): string => `${arn(name)}/stream/2026-01-01T00:00:00.000`;

const streamed = (name: string) => ({ arn: streamArn(name), viewType: "NEW_AND_OLD_IMAGES" }) as const;

/** The tables as `infra/storage.ts` declares them. */
export const definitions: readonly TableDefinition[] = [
  {
    name: tables.sessions,
    arn: arn(tables.sessions),
    hashKey: "sessionId",
    attributes: [{ name: "sessionId", type: "S" }],
    globalIndexes: [],
    stream: streamed(tables.sessions),
    ttlAttribute: "expiresAt",
  },
  {
    name: tables.connections,
    arn: arn(tables.connections),
    hashKey: "connectionId",
    attributes: [
      { name: "connectionId", type: "S" },
      { name: "sessionId", type: "S" },
      { name: "targetLanguage", type: "S" },
    ],
    globalIndexes: [
      { name: byLanguage, hashKey: "sessionId", rangeKey: "targetLanguage", projectionType: "ALL" },
    ],
    stream: streamed(tables.connections),
    ttlAttribute: "ttl",
  },
  {
    name: tables.rateLimits,
    arn: arn(tables.rateLimits),
    hashKey: "identifier",
    attributes: [{ name: "identifier", type: "S" }],
    globalIndexes: [],
    stream: undefined,
    ttlAttribute: "expiresAt",
  },
];
