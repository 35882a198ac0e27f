import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import {
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  type NativeAttributeValue,
  PutCommand,
  QueryCommand,
  type QueryCommandInput,
  ScanCommand,
  type ScanCommandInput,
  type ScanCommandOutput,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { withRetry } from "./retry.js";

type Attributes = Readonly<Record<string, NativeAttributeValue>>;

/** A single-item write and its conditions, which must all hold. `#name` stands for an attribute, `:value` for one of `values`. */
interface Write {
  readonly table: string;
  readonly when: readonly string[];
  readonly values?: Attributes;
  /**
   * Whether the write may be repeated when nobody knows if it was executed. A write that adds to a number may not.
   * Throttled writes were not executed and are always repeated.
   */
  readonly repeatable?: boolean;
}

interface Update extends Write {
  readonly key: Attributes;
  readonly set?: Attributes;
  /** Attributes set to an expression of the row's old values: `{ previous: "#current" }`. */
  readonly derive?: Readonly<Record<string, string>>;
  readonly add?: Readonly<Record<string, number>>;
  readonly remove?: readonly string[];
}

/**
 * The outcome of a conditional write. When written, `row` is the item that was put, updated or deleted. When a condition
 * failed, it is the item as it was found; undefined means that there is no such item.
 */
export type Written =
  | { readonly written: true; readonly row: unknown }
  | { readonly written: false; readonly row: unknown };

/** Creates an item. */
export const put = async (
  db: DynamoDBDocumentClient,
  { table, item, when, values, repeatable }: Write & { readonly item: Attributes },
): Promise<Written> =>
  conditional(repeatable, async () => {
    await db.send(new PutCommand({ TableName: table, Item: item, ...condition(when, values) }));
    return item;
  });

/** Changes an item. */
export const update = async (
  db: DynamoDBDocumentClient,
  { table, key, when, values, set = {}, derive = {}, add = {}, remove = [], repeatable }: Update,
): Promise<Written> =>
  conditional(repeatable, async () => {
    const clauses = [
      clause("SET", [
        ...Object.keys(set).map((name) => `#${name} = :set_${name}`),
        ...Object.entries(derive).map(([name, expression]) => `#${name} = ${expression}`),
      ]),
      clause(
        "ADD",
        Object.keys(add).map((name) => `#${name} :add_${name}`),
      ),
      clause(
        "REMOVE",
        remove.map((name) => `#${name}`),
      ),
    ];
    const expression = clauses.filter(Boolean).join(" ");
    const { Attributes } = await db.send(
      new UpdateCommand({
        TableName: table,
        Key: key,
        UpdateExpression: expression,
        ReturnValues: "ALL_NEW",
        ...condition(when, { ...values, ...prefixed("set_", set), ...prefixed("add_", add) }, expression),
      }),
    );
    return Attributes;
  });

/** Deletes an item and returns it. An absent item is no error: the row is then undefined. */
export const remove = async (
  db: DynamoDBDocumentClient,
  { table, key, when, values, repeatable }: Write & { readonly key: Attributes },
): Promise<Written> =>
  conditional(repeatable, async () => {
    const { Attributes } = await db.send(
      new DeleteCommand({
        TableName: table,
        Key: key,
        ReturnValues: "ALL_OLD",
        ...(when.length > 0 ? condition(when, values) : {}),
      }),
    );
    return Attributes;
  });

/** Reads one item, consistently. */
export const get = async (db: DynamoDBDocumentClient, table: string, key: Attributes): Promise<unknown> => {
  const read = new GetCommand({ TableName: table, Key: key, ConsistentRead: true });
  const { Item } = await withRetry(true, () => db.send(read));
  return Item;
};

/** Reads a query's results, page by page to the end. */
export const query = (db: DynamoDBDocumentClient, request: QueryCommandInput): Pages =>
  pages((ExclusiveStartKey) => db.send(new QueryCommand({ ...request, ExclusiveStartKey })));

/** Reads a whole table, consistently, page by page. */
export const scan = (db: DynamoDBDocumentClient, request: ScanCommandInput): Pages =>
  pages((ExclusiveStartKey) =>
    db.send(new ScanCommand({ ...request, ExclusiveStartKey, ConsistentRead: true })),
  );

type Pages = AsyncGenerator<Attributes[]>;
type Page = Pick<ScanCommandOutput, "Items" | "LastEvaluatedKey">;

async function* pages(read: (from: Page["LastEvaluatedKey"]) => Promise<Page>): Pages {
  let from: Page["LastEvaluatedKey"];
  do {
    const start = from;
    const { Items = [], LastEvaluatedKey } = await withRetry(true, () => read(start));
    yield Items;
    from = LastEvaluatedKey;
  } while (from);
}

/** `{"#a": "a"}` for every `#a` in the expressions. Names are always aliased, because many (`ttl`, `status`) are reserved words. */
export const names = (...expressions: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    expressions.flatMap((text) => [...text.matchAll(/#(\w+)/g)].map(([alias, name = ""]) => [alias, name])),
  );

/** Turns `{a: 1}` into `{":a": 1}`. */
export const values = (attributes: Attributes): Record<string, NativeAttributeValue> =>
  Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`:${name}`, value]));

const conditional = async (repeatable = false, write: () => Promise<unknown>): Promise<Written> => {
  try {
    return { written: true, row: await withRetry(repeatable, write) };
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    return { written: false, row: error.Item && unmarshall(error.Item) };
  }
};

const condition = (when: readonly string[], used: Attributes = {}, expression = "") => ({
  ConditionExpression: when.map((part) => `(${part})`).join(" AND "),
  ExpressionAttributeNames: names(expression, ...when),
  ...(Object.keys(used).length > 0 ? { ExpressionAttributeValues: values(used) } : {}),
  ReturnValuesOnConditionCheckFailure: "ALL_OLD" as const,
});

const clause = (verb: string, parts: readonly string[]): string =>
  parts.length > 0 ? `${verb} ${parts.join(", ")}` : "";

const prefixed = (prefix: string, attributes: Attributes): Attributes =>
  Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`${prefix}${name}`, value]));
