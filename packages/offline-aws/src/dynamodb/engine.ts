import { setTimeout as wait } from "node:timers/promises";
import * as v from "valibot";
import { UserError } from "../user-error.js";
import type { Item } from "./item.js";

/** A DynamoDB that keeps the items. It is asked in DynamoDB's own JSON and authorises nobody. */
export interface Engine {
  /** DynamoDB charges a BatchGetItem for keys that have no item; DynamoDB Local forgets them. */
  readonly countsMissingInBatch: boolean;
  send(operation: string, body: string): Promise<EngineAnswer>;
  close(): Promise<void>;
}

export interface EngineAnswer {
  readonly status: number;
  readonly body: string;
}

/** Both engines insist on a signature, and neither checks it. */
export const engineHeaders = {
  "content-type": "application/x-amz-json-1.0",
  authorization:
    "AWS4-HMAC-SHA256 Credential=proxy/20200101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
  "x-amz-date": "20200101T000000Z",
} as const;

/** Asks for something that can only succeed; a refusal is a bug of the proxy, so it throws. */
export const ask = async (engine: Engine, operation: string, request: object): Promise<EngineReply> => {
  const { status, body } = await engine.send(operation, JSON.stringify(request));
  if (status !== 200) throw new Error(`The engine refused ${operation}: ${body}`);
  return parseReply(body);
};

/** What the proxy reads of an engine's replies; the rest it passes on. */
export interface EngineReply {
  readonly [field: string]: unknown;
  readonly Item?: Item;
  readonly Items?: readonly Item[];
  readonly Attributes?: Item;
  readonly LastEvaluatedKey?: Item;
}

/** The engine is trusted to answer in DynamoDB's form. */
export const parseReply = (body: string): EngineReply => JSON.parse(body);

/** All items of a table, page by page. */
export async function* scan(
  engine: Engine,
  request: { readonly TableName: string },
): AsyncGenerator<readonly Item[]> {
  let from: Item | undefined;
  do {
    const page = await ask(engine, "Scan", { ...request, ConsistentRead: true, ExclusiveStartKey: from });
    yield page.Items ?? [];
    from = page.LastEvaluatedKey;
  } while (from);
}

const refusalSchema = v.object({ message: v.string() });

/**
 * Creates a table and waits until it takes items.
 * @throws {UserError} in DynamoDB's words, for a table that it would refuse on AWS too
 */
export const createTable = async (engine: Engine, request: { readonly TableName: string }): Promise<void> => {
  const { status, body } = await engine.send("CreateTable", JSON.stringify(request));
  if (status !== 200) {
    const { message } = v.parse(refusalSchema, JSON.parse(body));
    throw new UserError(`DynamoDB refuses table ${request.TableName}: ${message}`);
  }
  while (!(await isActive(engine, request.TableName))) await wait(2);
};

const isActive = async (engine: Engine, table: string): Promise<boolean> => {
  const { body } = await engine.send("DescribeTable", JSON.stringify({ TableName: table }));
  return body.includes('"TableStatus":"ACTIVE"') && !body.includes('"IndexStatus":"CREATING"');
};
