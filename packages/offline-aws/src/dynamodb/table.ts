import { type DynamoDbError, validation } from "./error.js";
import { type AttributeValue, canonicalNumber, type Item, pick } from "./item.js";

export type StreamViewType = "NEW_AND_OLD_IMAGES" | "NEW_IMAGE" | "OLD_IMAGE" | "KEYS_ONLY";

export interface GlobalIndex {
  readonly name: string;
  readonly hashKey: string;
  readonly rangeKey?: string;
  readonly projectionType: "ALL" | "KEYS_ONLY" | "INCLUDE";
  readonly nonKeyAttributes?: readonly string[];
}

/** A table as the infrastructure declares it. */
export interface TableDefinition {
  readonly name: string;
  /** `arn:aws:dynamodb:<region>:<account>:table/<name>` */
  readonly arn: string;
  readonly hashKey: string;
  readonly rangeKey?: string;
  /** The types of the key attributes, of the table and of its indexes. */
  readonly attributes: readonly { readonly name: string; readonly type: "S" | "N" | "B" }[];
  readonly globalIndexes: readonly GlobalIndex[];
  readonly stream: { readonly arn: string; readonly viewType: StreamViewType } | undefined;
  readonly ttlAttribute: string | undefined;
}

type KeySchema = { readonly hashKey: string; readonly rangeKey?: string };

export const keyNames = ({ hashKey, rangeKey }: KeySchema): readonly string[] =>
  rangeKey === undefined ? [hashKey] : [hashKey, rangeKey];

/** One string per item of a table, for locks and shards; undefined when `attributes` holds no valid key. */
export const keyOf = (table: TableDefinition, attributes: unknown): string | undefined => {
  if (typeof attributes !== "object" || attributes === null) return undefined;
  const parts: string[] = [];
  for (const name of keyNames(table)) {
    const value: unknown = Reflect.get(attributes, name);
    const part = typeof value === "object" && value !== null ? keyPart(value) : undefined;
    if (part === undefined) return undefined;
    parts.push(part);
  }
  return JSON.stringify([table.name, ...parts]);
};

const keyPart = (value: AttributeValue): string | undefined => {
  if (typeof value.S === "string") return `S${value.S}`;
  if (typeof value.N === "string") return `N${canonicalNumber(value.N)}`;
  return typeof value.B === "string" ? `B${value.B}` : undefined;
};

/** The part of an item that an index holds; undefined when the item lacks a key of the index. */
export const indexEntry = (
  table: TableDefinition,
  index: GlobalIndex,
  item: Item | undefined,
): Item | undefined => {
  if (item === undefined || keyNames(index).some((name) => item[name] === undefined)) return undefined;
  if (index.projectionType === "ALL") return item;
  return pick(item, new Set([...keyNames(table), ...keyNames(index), ...(index.nonKeyAttributes ?? [])]));
};

/**
 * The refusal of an item in which a key of an index is empty; undefined when all is well. AWS keeps such items out,
 * dynalite lets them in.
 */
export const emptyIndexKey = (table: TableDefinition, item: unknown): DynamoDbError | undefined => {
  for (const index of table.globalIndexes) {
    for (const name of keyNames(index)) {
      const value: unknown = Reflect.get(Object(item), name);
      const type = ["S", "B"].find((kind) => Reflect.get(Object(value), kind) === "");
      if (type === undefined) continue;
      return validation(
        `One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty ${type === "S" ? "string" : "binary"} value. IndexName: ${index.name}, IndexKey: ${name}`,
      );
    }
  }
  return undefined;
};

const keySchema = (keys: KeySchema) => [
  { AttributeName: keys.hashKey, KeyType: "HASH" },
  ...(keys.rangeKey === undefined ? [] : [{ AttributeName: keys.rangeKey, KeyType: "RANGE" }]),
];

/** The request that creates the table in an engine, under another name for a copy. Streams are the proxy's own. */
export const createTableRequest = (table: TableDefinition, name = table.name) => ({
  TableName: name,
  BillingMode: "PAY_PER_REQUEST",
  AttributeDefinitions: table.attributes.map((attribute) => ({
    AttributeName: attribute.name,
    AttributeType: attribute.type,
  })),
  KeySchema: keySchema(table),
  ...(table.globalIndexes.length > 0 && {
    GlobalSecondaryIndexes: table.globalIndexes.map((index) => ({
      IndexName: index.name,
      KeySchema: keySchema(index),
      Projection: {
        ProjectionType: index.projectionType,
        ...(index.projectionType === "INCLUDE" && { NonKeyAttributes: index.nonKeyAttributes ?? [] }),
      },
    })),
  }),
});
