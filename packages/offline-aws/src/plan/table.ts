import * as v from "valibot";
import type { TableDefinition } from "../dynamodb/index.js";
import { accountId, streamArnOf } from "../synth/cloud.js";
import type { Resource } from "../synth/graph.js";
import { optional, read } from "./resource.js";

const tableSchema = v.object({
  name: v.string(),
  hashKey: v.string(),
  rangeKey: v.optional(v.string()),
  attributes: v.array(v.object({ name: v.string(), type: v.picklist(["S", "N", "B"]) })),
  globalSecondaryIndexes: v.optional(
    v.array(
      v.object({
        name: v.string(),
        hashKey: v.string(),
        rangeKey: v.optional(v.string()),
        projectionType: v.picklist(["ALL", "KEYS_ONLY", "INCLUDE"]),
        nonKeyAttributes: v.optional(v.array(v.string())),
      }),
    ),
    [],
  ),
  streamEnabled: v.optional(v.boolean(), false),
  streamViewType: v.optional(
    v.picklist(["NEW_AND_OLD_IMAGES", "NEW_IMAGE", "OLD_IMAGE", "KEYS_ONLY"]),
    "NEW_AND_OLD_IMAGES",
  ),
  ttl: v.optional(v.object({ attributeName: v.string(), enabled: v.boolean() })),
});

export const tableOf = (resource: Resource, region: string): TableDefinition => {
  const table = read(tableSchema, resource);
  const arn = `arn:aws:dynamodb:${region}:${accountId}:table/${table.name}`;
  return {
    name: table.name,
    arn,
    hashKey: table.hashKey,
    ...optional("rangeKey", table.rangeKey),
    attributes: table.attributes,
    globalIndexes: table.globalSecondaryIndexes.map(({ rangeKey, nonKeyAttributes, ...index }) => ({
      ...index,
      ...optional("rangeKey", rangeKey),
      ...optional("nonKeyAttributes", nonKeyAttributes),
    })),
    stream: table.streamEnabled ? { arn: streamArnOf(arn), viewType: table.streamViewType } : undefined,
    ttlAttribute: table.ttl?.enabled ? table.ttl.attributeName : undefined,
  };
};
