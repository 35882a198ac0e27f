import type { IncomingHttpHeaders } from "node:http";
import type { Clock } from "../clock.js";
import { type Authorize, accessKeyOf } from "../iam.js";
import { batchWrite } from "./batch-write.js";
import { describeTable, listTables } from "./describe.js";
import { DynamoDbError, validation } from "./error.js";
import type { Fault, FaultList } from "./faults.js";
import { batchGet, read } from "./read.js";
import { type Answer, answer, type Request, type Store, tableOf } from "./store.js";
import { describeTimeToLive } from "./time-to-live.js";
import { write } from "./write.js";

/** A client's request, as observers see it, with its cost. */
export interface RequestRecord {
  readonly operation: string;
  /** The table's name; a batch over several has them all, joined by commas. */
  readonly table: string | undefined;
  readonly index: string | undefined;
  readonly accessKeyId: string | undefined;
  readonly userAgent: string | undefined;
  /** Milliseconds since the epoch, by the stack's clock. */
  readonly startedAt: number;
  readonly durationMs: number;
  readonly consumedReadUnits: number;
  readonly consumedWriteUnits: number;
  /** The error's name as a client sees it; `LostAnswer` and `Unreachable` for connections cut by a fault. */
  readonly errorType: string | undefined;
}

export interface HandlerOptions {
  readonly store: Store;
  readonly region: string;
  readonly accountId: string;
  readonly clock: Clock;
  readonly authorize: Authorize;
  readonly faults: FaultList;
  readonly onRequest: ((record: RequestRecord) => void) | undefined;
  /** Waits by the stack's clock, until then or until the server closes. */
  readonly delay: (ms: number) => Promise<void>;
}

interface Call {
  operation: string;
  request: Request;
  readonly accessKeyId: string | undefined;
}

type Operation = (store: Store, request: Request) => Answer | Promise<Answer>;

const operations: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ["GetItem", (store, request) => read(store, "GetItem", request)],
  ["Query", (store, request) => read(store, "Query", request)],
  ["Scan", (store, request) => read(store, "Scan", request)],
  ["BatchGetItem", batchGet],
  ["PutItem", (store, request) => write(store, "PutItem", request)],
  ["UpdateItem", (store, request) => write(store, "UpdateItem", request)],
  ["DeleteItem", (store, request) => write(store, "DeleteItem", request)],
  ["BatchWriteItem", batchWrite],
  ["DescribeTable", describeTable],
  ["ListTables", listTables],
  ["DescribeTimeToLive", (store, { TableName }) => describeTimeToLive(tableOf(store, String(TableName)))],
]);

/** Answers one request. `cut`: the connection ends without an answer. */
export const createHandler = (options: HandlerOptions) => {
  const { store, clock, faults, onRequest, delay } = options;
  return async (headers: IncomingHttpHeaders, body: string): Promise<Answer | "cut"> => {
    const call: Call = { operation: "", request: {}, accessKeyId: accessKeyOf(headers.authorization) };
    const [startedAt, began] = [clock.now(), performance.now()];
    let result = answer({});
    let struck: Fault | undefined;
    try {
      call.operation = operationOf(headers["x-amz-target"]);
      if (headers.authorization === undefined) throw unsigned();
      call.request = parse(body);
      const run = operations.get(call.operation);
      if (!run) throw unknownOperation(call.operation);
      struck = faults.strike({ ...call, tables: tablesOf(call.request) });
      if (struck?.kind === "latency") await (struck.until?.() ?? delay(struck.ms ?? 0));
      if (struck) refuseBy(struck, call.operation);
      if (struck?.kind !== "unreachable") {
        checkAccess(options, call);
        result = await run(store, call.request);
      }
    } catch (error) {
      result = refusal(error);
    }
    onRequest?.({
      operation: call.operation,
      table: tablesOf(call.request).join(",") || undefined,
      index: indexOf(call.request),
      accessKeyId: call.accessKeyId,
      userAgent: headers["user-agent"],
      startedAt,
      durationMs: performance.now() - began,
      consumedReadUnits: result.readUnits,
      consumedWriteUnits: result.writeUnits,
      errorType: cuts[struck?.kind ?? ""] ?? errorTypeOf(result),
    });
    return struck && cuts[struck.kind] !== undefined ? "cut" : result;
  };
};

const cuts: Readonly<Record<string, string>> = { "lost-answer": "LostAnswer", unreachable: "Unreachable" };

const operationOf = (target: string | string[] | undefined): string => {
  const [service, operation] = String(target ?? "").split(".");
  if (service === "DynamoDB_20120810" && operation) return operation;
  throw new DynamoDbError(
    "UnknownOperationException",
    service === "DynamoDBStreams_20120810"
      ? "The local stack has no DynamoDB Streams API: streams reach functions by their event-source mappings."
      : `This is the local stack's DynamoDB: it has no operation ${target ? `"${target}"` : "without an X-Amz-Target header"}.`,
  );
};

const unknownOperation = (operation: string): DynamoDbError =>
  operation.startsWith("Transact")
    ? validation(`The local stack has no transactions, so it cannot answer ${operation}.`)
    : new DynamoDbError(
        "UnknownOperationException",
        `The local stack's DynamoDB has no ${operation}: its tables come from the infrastructure, and it answers ${[...operations.keys()].join(", ")}.`,
      );

const unsigned = (): DynamoDbError =>
  new DynamoDbError("MissingAuthenticationTokenException", "Request is missing Authentication Token");

const parse = (body: string): Request => {
  let request: unknown;
  try {
    request = JSON.parse(body);
  } catch {
    throw new DynamoDbError("SerializationException", "The request is not JSON");
  }
  if (typeof request === "object" && request !== null && !Array.isArray(request)) return { ...request };
  throw new DynamoDbError("SerializationException", "The request is not a JSON object");
};

const tablesOf = ({ TableName, RequestItems }: Request): readonly string[] =>
  typeof TableName === "string" ? [TableName] : Object.keys(Object(RequestItems));

const indexOf = ({ IndexName }: Request): string | undefined =>
  typeof IndexName === "string" ? IndexName : undefined;

const checkAccess = (
  { authorize, store, region, accountId }: HandlerOptions,
  { operation, request, accessKeyId }: Call,
): void => {
  const index = indexOf(request);
  const arns = tablesOf(request).map((name) => {
    const table =
      store.tables.get(name)?.definition.arn ?? `arn:aws:dynamodb:${region}:${accountId}:table/${name}`;
    return index === undefined ? table : `${table}/index/${index}`;
  });
  for (const resource of operation === "ListTables" ? ["*"] : arns) {
    const access = authorize({ accessKeyId, action: `dynamodb:${operation}`, resource });
    if (!access.allowed) throw new DynamoDbError("AccessDeniedException", access.message);
  }
};

const refuseBy = ({ kind }: Fault, operation: string): void => {
  if (kind === "internal-error") throw new DynamoDbError("InternalServerError", "Injected fault", 500);
  if (kind !== "throttle") return;
  throw /Table|TimeToLive/.test(operation)
    ? new DynamoDbError("ThrottlingException", "Rate of requests exceeds the allowed throughput.")
    : new DynamoDbError(
        "ProvisionedThroughputExceededException",
        "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.",
      );
};

const refusal = (error: unknown): Answer => {
  if (error instanceof DynamoDbError) return answer(error.body, { status: error.status });
  // The engine is gone or broken: what AWS would call its own fault.
  const broken = new DynamoDbError("InternalServerError", `The local DynamoDB failed: ${error}`, 500);
  return answer(broken.body, { status: broken.status });
};

const errorTypeOf = ({ status, body }: Answer): string | undefined =>
  status === 200 ? undefined : (/"__type":"(?:[^"#]*#)?([^"]+)"/.exec(body)?.[1] ?? "Unknown");
