import { type DynamoDbError, validation } from "./error.js";
import { keyNames, type TableDefinition } from "./table.js";

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
