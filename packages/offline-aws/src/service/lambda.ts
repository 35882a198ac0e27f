import type { Authorize } from "../iam.js";
import type { Invoke, Outcome } from "../lambda/invocation.js";
import type { PlannedFunction } from "../plan/function.js";
import type { Plan } from "../plan/plan.js";
import type { PlannedMapping } from "../plan/trigger.js";
import { decodePath } from "../server.js";
import { accountId, uuidOf } from "../synth/cloud.js";
import { demand, ServiceError } from "./error.js";
import { type Call, maxBytes, type Reply, type Service, urlOf } from "./http.js";

/** A finished invocation, beyond its outcome. */
export interface InvocationReport {
  readonly requestId: string;
  /** The lines of the stack of the error that ended it. */
  readonly trace: readonly string[] | undefined;
}

export interface LambdaServiceOptions {
  readonly plan: Pick<Plan, "region" | "functions" | "mappings">;
  readonly invoke: Invoke;
  /** Invokes for the holder of this access key. While a function waits for another, another may run in its place. */
  readonly invokeFor: (accessKeyId: string | undefined) => Invoke;
  readonly authorize: Authorize;
  readonly reportOf: (outcome: Outcome) => InvocationReport | undefined;
}

const version = "2015-03-31";
const maxEventBytes = 1_048_576;

/** Lambda's `Invoke`, `GetFunctionConfiguration`, `ListEventSourceMappings` and `GetAccountSettings`. */
export const lambdaService = (options: LambdaServiceOptions): Service => ({
  name: "Lambda",
  operations: ["Invoke", "GetFunctionConfiguration", "ListEventSourceMappings", "GetAccountSettings"],
  find: (request) => {
    const pathname = decodePath(urlOf(request).pathname);
    const [, named, what] =
      pathname.match(`^/${version}/functions/([^/]+)/(invocations|configuration)/?$`) ?? [];
    if (named && what === "invocations" && request.method === "POST")
      return (call) => invoke(named, call, options);
    if (request.method !== "GET") return undefined;
    if (named && what === "configuration") return (call) => configurationOf(named, call, options);
    if (/^\/2016-08-19\/account-settings\/?$/.test(pathname)) return (call) => accountSettings(call, options);
    if (!pathname.match(`^/${version}/event-source-mappings/?$`)) return undefined;
    return (call) => listMappings(call, options);
  },
});

const invoke = async (named: string, call: Call, options: LambdaServiceOptions): Promise<Reply> => {
  const arn = arnOf(named, call.query.get("Qualifier"), options.plan.region);
  const { accessKeyId } = call;
  demand(options.authorize, { accessKeyId, action: "lambda:InvokeFunction", resource: arn }, 403);
  const { name } = functionOf(arn, options.plan.functions);
  const type = call.headers["x-amz-invocation-type"] ?? "RequestResponse";
  const payload = payloadOf(call, String(type));
  switch (type) {
    case "RequestResponse":
      return replyOf(await options.invokeFor(accessKeyId)(name, payload), options);
    case "Event":
      void options.invoke(name, payload);
      return { status: 202, body: "" };
    case "DryRun":
      return { status: 204, body: "" };
    default:
      throw new ServiceError(
        "InvalidParameterValueException",
        `InvocationType is Event, RequestResponse or DryRun, not ${type}.`,
        400,
        { Type: "User" },
      );
  }
};

const reference = /^(?:arn:aws:lambda:([a-z\d-]+):)?(?:(\d{12}):)?(?:function:)?([\w-]+)(?::([\w$-]+))?$/;

/** The ARN of a function that is named by its name, its ARN or a part of the ARN. */
const arnOf = (named: string, qualifier: string | null, ownRegion: string): string => {
  const [match, region = ownRegion, account = accountId, name, suffix = qualifier] =
    reference.exec(named) ?? [];
  if (!match)
    throw new ServiceError(
      "ValidationException",
      `1 validation error detected: Value '${named}' at 'functionName' failed to satisfy constraint: Member must be a function's name or ARN`,
    );
  const arn = `arn:aws:lambda:${region}:${account}:function:${name}`;
  return suffix && suffix !== "$LATEST" ? `${arn}:${suffix}` : arn;
};

/** @throws {ServiceError} for another function, and for any version or alias: the local stack publishes neither */
const functionOf = (arn: string, functions: readonly PlannedFunction[]): PlannedFunction => {
  const found = functions.find((fn) => fn.arn === arn);
  if (found) return found;
  const message = `Function not found: ${arn}`;
  throw new ServiceError("ResourceNotFoundException", message, 404, { Type: "User", Message: message });
};

const payloadOf = ({ body, size }: Call, type: string): unknown => {
  const limit = type === "Event" ? maxEventBytes : maxBytes;
  if (size > limit)
    throw new ServiceError(
      "RequestEntityTooLargeException",
      `${size} byte payload is too large for the ${type} invocation type (limit ${limit} bytes)`,
      413,
    );
  if (size === 0) return {};
  try {
    return JSON.parse(body.toString());
  } catch (error) {
    const { message } = Object(error);
    throw new ServiceError(
      "InvalidRequestContentException",
      `Could not parse request body into json: ${message}`,
      400,
      { Type: "User" },
    );
  }
};

const replyOf = (outcome: Outcome, { reportOf }: LambdaServiceOptions): Reply => {
  const { requestId, trace } = reportOf(outcome) ?? {};
  const headers = {
    "x-amz-executed-version": "$LATEST",
    ...(requestId && { "x-amzn-requestid": requestId }),
  };
  const unhandled = (error: object): Reply => ({
    status: 200,
    headers: { ...headers, "x-amz-function-error": "Unhandled" },
    body: JSON.stringify(error),
  });
  switch (outcome.kind) {
    case "returned":
      return { status: 200, headers, body: JSON.stringify(outcome.payload) };
    case "failed":
      return unhandled({
        errorType: outcome.errorType,
        errorMessage: outcome.errorMessage,
        ...(trace && { trace }),
      });
    case "timed-out":
      return unhandled({
        errorType: "Sandbox.Timedout",
        errorMessage: `RequestId: ${requestId} Error: Task timed out after ${outcome.afterSeconds.toFixed(2)} seconds`,
      });
    case "throttled":
      throw new ServiceError("TooManyRequestsException", "Rate Exceeded.", 429, {
        Reason: "ConcurrentInvocationLimitExceeded",
        Type: "User",
      });
  }
};

const configurationOf = (
  named: string,
  { query, accessKeyId }: Call,
  { plan, authorize }: LambdaServiceOptions,
): Reply => {
  const arn = arnOf(named, query.get("Qualifier"), plan.region);
  demand(authorize, { accessKeyId, action: "lambda:GetFunctionConfiguration", resource: arn }, 403);
  const fn = functionOf(arn, plan.functions);
  const configuration = {
    FunctionName: fn.name,
    FunctionArn: fn.arn,
    Runtime: fn.runtime,
    Role: `arn:aws:iam::${accountId}:role/${fn.roleName}`,
    Timeout: fn.timeoutSeconds,
    MemorySize: fn.memoryMb,
    Version: "$LATEST",
    State: "Active",
    LastUpdateStatus: "Successful",
    PackageType: "Zip",
    Environment: { Variables: fn.environment },
    LoggingConfig: {
      LogFormat: fn.logFormat,
      LogGroup: fn.logGroup,
      ...(fn.applicationLogLevel && { ApplicationLogLevel: fn.applicationLogLevel }),
    },
  };
  return { status: 200, body: JSON.stringify(configuration) };
};

const listMappings = ({ query, accessKeyId }: Call, { plan, authorize }: LambdaServiceOptions): Reply => {
  demand(authorize, { accessKeyId, action: "lambda:ListEventSourceMappings", resource: "*" }, 403);
  const named = query.get("FunctionName");
  const functionArn = named && functionOf(arnOf(named, null, plan.region), plan.functions).arn;
  const sourceArn = query.get("EventSourceArn");
  const mappings = plan.mappings.filter(
    (mapping) =>
      (!functionArn || mapping.functionArn === functionArn) &&
      (!sourceArn || mapping.streamArn === sourceArn),
  );
  return { status: 200, body: JSON.stringify({ EventSourceMappings: mappings.map(describe) }) };
};

/** AWS's default quota. The local stack limits nothing by it. */
const concurrency = 1_000;

const accountSettings = ({ accessKeyId }: Call, { authorize }: LambdaServiceOptions): Reply => {
  demand(authorize, { accessKeyId, action: "lambda:GetAccountSettings", resource: "*" }, 403);
  const limits = { ConcurrentExecutions: concurrency, UnreservedConcurrentExecutions: concurrency };
  return { status: 200, body: JSON.stringify({ AccountLimit: limits }) };
};

const describe = (mapping: PlannedMapping) => ({
  UUID: uuidOf(mapping.id),
  EventSourceArn: mapping.streamArn,
  FunctionArn: mapping.functionArn,
  State: "Enabled",
  StateTransitionReason: "User action",
  BatchSize: mapping.batchSize,
  StartingPosition: mapping.startingPosition,
  MaximumBatchingWindowInSeconds: mapping.maximumBatchingWindowInSeconds,
  MaximumRecordAgeInSeconds: mapping.maximumRecordAgeInSeconds,
  MaximumRetryAttempts: mapping.maximumRetryAttempts,
  BisectBatchOnFunctionError: mapping.bisectBatchOnFunctionError,
  ParallelizationFactor: mapping.parallelizationFactor,
  FunctionResponseTypes: mapping.reportBatchItemFailures ? ["ReportBatchItemFailures"] : [],
  ...(mapping.filters.length > 0 && {
    FilterCriteria: { Filters: mapping.filters.map((Pattern) => ({ Pattern })) },
  }),
  ...(mapping.onFailureArn && {
    DestinationConfig: { OnFailure: { Destination: mapping.onFailureArn } },
  }),
});
