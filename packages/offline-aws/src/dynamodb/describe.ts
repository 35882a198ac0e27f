import { DynamoDbError } from "./error.js";
import { type Answer, answer, type Request, type Store } from "./store.js";

/** DescribeTable. The engine does not know the ARNs and the stream, which the infrastructure declares. */
export const describeTable = async (store: Store, request: Request): Promise<Answer> => {
  const table = store.tables.get(String(request.TableName));
  if (!table) {
    throw new DynamoDbError(
      "ResourceNotFoundException",
      `Requested resource not found: Table: ${request.TableName} not found`,
    );
  }
  const { arn, name, stream } = table.definition;
  const { reply } = await store.engine.send("DescribeTable", { TableName: name });
  const described = Object(reply.Table);
  const indexes: unknown = described.GlobalSecondaryIndexes;
  return answer({
    Table: {
      ...described,
      TableArn: arn,
      ...(Array.isArray(indexes) && {
        GlobalSecondaryIndexes: indexes.map((index) => ({
          ...index,
          IndexArn: `${arn}/index/${index.IndexName}`,
        })),
      }),
      ...(stream && {
        StreamSpecification: { StreamEnabled: true, StreamViewType: stream.viewType },
        LatestStreamArn: stream.arn,
        LatestStreamLabel: stream.arn.split("/stream/")[1],
      }),
    },
  });
};

export const listTables = ({ tables }: Store, request: Request): Answer => {
  const { ExclusiveStartTableName: start, Limit: limit } = request;
  const all = [...tables.keys()].sort().filter((name) => typeof start !== "string" || name > start);
  const page = all.slice(0, typeof limit === "number" ? limit : 100);
  return answer({
    TableNames: page,
    LastEvaluatedTableName: page.length < all.length ? page.at(-1) : undefined,
  });
};
