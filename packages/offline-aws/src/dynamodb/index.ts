export { type DynamoDb, startDynamoDb } from "./dynamodb.js";
export type { RequestRecord } from "./handler.js";
export type { AttributeValue, Item } from "./item.js";
export type { TableDefinition } from "./table.js";
