export { type DynamoDb, type DynamoDbOptions, startDynamoDb } from "./dynamodb.js";
export type { Fault, FaultMatch, Faults } from "./faults.js";
export type { RequestRecord } from "./handler.js";
export type { AttributeValue, Item } from "./item.js";
export type { Stream, StreamEntry, StreamReader, StreamRecord } from "./stream.js";
export type { GlobalIndex, StreamViewType, TableDefinition } from "./table.js";
