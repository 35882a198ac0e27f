import { scan } from "./engine.js";
import { type Item, pick } from "./item.js";
import { type Answer, answer, publish, type Store, type Table } from "./store.js";
import { keyNames, keyOf } from "./table.js";

const fiveYears = 5 * 365 * 24 * 3600;

/** Deletes a table's expired items in the name of the TTL service. Returns how many. */
export const sweepTable = async (store: Store, table: Table, now: number): Promise<number> => {
  const { definition } = table;
  const { ttlAttribute } = definition;
  if (ttlAttribute === undefined) return 0;
  const seconds = Math.floor(now / 1000);
  const expired = {
    TableName: definition.name,
    FilterExpression: "#ttl < :now AND #ttl > :oldest",
    ExpressionAttributeNames: { "#ttl": ttlAttribute },
    ExpressionAttributeValues: {
      ":now": { N: String(seconds) },
      ":oldest": { N: String(seconds - fiveYears) },
    },
  };
  let deleted = 0;
  for await (const items of scan(store.engine, expired)) {
    for (const item of items) if (await expire(store, table, ttlAttribute, item)) deleted++;
  }
  return deleted;
};

const expire = (store: Store, table: Table, ttlAttribute: string, item: Item): Promise<boolean> =>
  store.lock.run([keyOf(table.definition, item) ?? ""], async () => {
    const { status, reply } = await store.engine.send("DeleteItem", {
      TableName: table.definition.name,
      Key: pick(item, keyNames(table.definition)),
      // A client may have given the item a longer life since the scan.
      ConditionExpression: "#ttl = :seen",
      ExpressionAttributeNames: { "#ttl": ttlAttribute },
      ExpressionAttributeValues: { ":seen": item[ttlAttribute] },
      ReturnValues: "ALL_OLD",
    });
    if (status !== 200) return false;
    publish(table, { before: reply.Attributes, after: undefined, byTimeToLive: true });
    return true;
  });

export const describeTimeToLive = ({ definition: { ttlAttribute } }: Table): Answer =>
  answer({
    TimeToLiveDescription:
      ttlAttribute === undefined
        ? { TimeToLiveStatus: "DISABLED" }
        : { TimeToLiveStatus: "ENABLED", AttributeName: ttlAttribute },
  });
