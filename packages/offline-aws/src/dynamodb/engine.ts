import { setTimeout as wait } from "node:timers/promises";
import * as v from "valibot";
import { UserError } from "../user-error.js";
import type { Item } from "./item.js";

/** A DynamoDB that keeps the items. It takes a client's requests as they are and checks no permission. */
export interface Engine {
  /** DynamoDB charges a BatchGetItem for keys that have no item; DynamoDB Local forgets them. */
  readonly countsMissingInBatch: boolean;
  send(operation: string, request: object): Promise<EngineAnswer>;
  close(): Promise<void>;
}

export interface EngineAnswer {
  /** 200, or that of a refusal: `reply` then has its `__type` and `message`. */
  readonly status: number;
  readonly reply: EngineReply;
}

/** For the proxy's own requests. A refusal is a bug of the proxy, so it throws. */
export const ask = async (engine: Engine, operation: string, request: object): Promise<EngineReply> => {
  const { status, reply } = await engine.send(operation, request);
  if (status !== 200) throw new Error(`The engine refused ${operation}: ${JSON.stringify(reply)}`);
  return reply;
};

/** The proxy reads these fields of an engine's replies and passes the rest on. */
export interface EngineReply {
  readonly [field: string]: unknown;
  readonly __type?: string;
  readonly Item?: Item;
  readonly Items?: readonly Item[];
  readonly Attributes?: Item;
  readonly LastEvaluatedKey?: Item;
}

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
  const { status, reply } = await engine.send("CreateTable", request);
  if (status !== 200) {
    const { message } = v.parse(refusalSchema, reply);
    throw new UserError(`DynamoDB refuses table ${request.TableName}: ${message}`);
  }
  while (!(await isActive(engine, request.TableName))) await wait(2);
};

const isActive = async (engine: Engine, table: string): Promise<boolean> => {
  const { reply } = await engine.send("DescribeTable", { TableName: table });
  const body = JSON.stringify(reply);
  return body.includes('"TableStatus":"ACTIVE"') && !body.includes('"IndexStatus":"CREATING"');
};
