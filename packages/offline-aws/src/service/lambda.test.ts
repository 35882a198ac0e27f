import { availableParallelism } from "node:os";
import {
  GetAccountSettingsCommand,
  GetFunctionConfigurationCommand,
  InvokeCommand,
  type InvokeCommandInput,
  LambdaClient,
  ListEventSourceMappingsCommand,
} from "@aws-sdk/client-lambda";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { clientOptionsOf, resource, type SmallStack, startSmallStack, whoAmI } from "./testing.js";

const arnOf = (name: string) => `arn:aws:lambda:us-east-1:000000000000:function:${name}`;
const streamArn = "arn:aws:dynamodb:us-east-1:000000000000:table/Orders/stream/2026-01-01T00:00:00.000";

let small: SmallStack;
let client: LambdaClient;

beforeAll(async () => {
  small = await startSmallStack(
    {
      echo: {
        code: "export const handler = async (event, { awsRequestId }) => ({ event, awsRequestId });",
      },
      crash: { code: "export const handler = async () => { throw new TypeError('two\\nlines'); };" },
      exit: { code: "export const handler = async () => process.exit(3);" },
      slow: {
        code: "export const handler = () => new Promise(() => {});",
        timeout: 1,
        environment: { COLOR: "red" },
      },
      large: { code: "export const handler = async () => 'x'.repeat(6_291_557);" },
      nothing: { code: "export const handler = async () => undefined;" },
      count: { code: "let count = 0; export const handler = async () => (count += 1);" },
      ordered: {
        code: "export const handler = async () => ({ batchItemFailures: [] });",
        statements: [{ Action: ["dynamodb:*"], Resource: ["*"] }],
      },
      permitted: {
        code: whoAmI,
        statements: [
          { Action: ["lambda:InvokeFunction"], Resource: [arnOf("echo")] },
          { Action: ["lambda:GetFunctionConfiguration"], Resource: [arnOf("slow")] },
          { Action: ["lambda:ListEventSourceMappings"], Resource: ["*"] },
        ],
      },
      barred: { code: whoAmI },
      // The SDK's call, by hand: the fixture's folder has no packages.
      outer: {
        code: `export const handler = async () => {
          const { AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID } = process.env;
          const credential = \`\${AWS_ACCESS_KEY_ID}/20261123/us-east-1/lambda/aws4_request\`;
          const answer = await fetch(\`\${AWS_ENDPOINT_URL}/2015-03-31/functions/echo/invocations\`, {
            method: "POST",
            headers: { authorization: \`AWS4-HMAC-SHA256 Credential=\${credential}, SignedHeaders=host, Signature=0\` },
            body: '{"from":"outer"}',
          });
          return (await answer.json()).event;
        };`,
        statements: [{ Action: ["lambda:InvokeFunction"], Resource: [arnOf("echo")] }],
      },
    },
    [
      resource("aws:dynamodb/table:Table", "Orders", {
        name: "Orders",
        hashKey: "id",
        attributes: [{ name: "id", type: "S" }],
        streamEnabled: true,
      }),
      resource("aws:lambda/eventSourceMapping:EventSourceMapping", "OrdersToOrdered", {
        eventSourceArn: streamArn,
        functionName: "ordered",
        startingPosition: "LATEST",
        batchSize: 25,
        functionResponseTypes: ["ReportBatchItemFailures"],
        filterCriteria: { filters: [{ pattern: '{"eventName":["INSERT"]}' }] },
      }),
    ],
  );
  client = new LambdaClient(small.client);
});

afterAll(async () => {
  client?.destroy();
  await small?.stop();
});

const invoke = async (FunctionName: string, input: Partial<InvokeCommandInput> = {}, as = client) => {
  const { Payload, $metadata, ...rest } = await as.send(new InvokeCommand({ FunctionName, ...input }));
  const text = Payload?.transformToString() ?? "";
  return { ...rest, payload: text === "" ? undefined : JSON.parse(text), requestId: $metadata.requestId };
};

const clientOf = async (functionName: string) => {
  const own = new LambdaClient(await clientOptionsOf(small.stack, functionName));
  onTestFinished(() => own.destroy());
  return own;
};

describe("Invoke", () => {
  test("passes the payload to the function and returns its result", async () => {
    expect(await invoke("echo", { Payload: '{"a":"é"}' })).toEqual({
      StatusCode: 200,
      ExecutedVersion: "$LATEST",
      payload: { event: { a: "é" }, awsRequestId: expect.any(String) },
      requestId: expect.any(String),
    });
  });

  test("answers under the invocation's own request id, by which its log lines are found", async () => {
    const { payload, requestId } = await invoke("echo");
    expect(payload.awsRequestId).toBe(requestId);
  });

  test("without a payload passes an empty event", async () => {
    expect((await invoke("echo")).payload).toMatchObject({ event: {} });
  });

  test("of a function that returns nothing brings null", async () => {
    expect((await invoke("nothing")).payload).toBeNull();
  });

  test.each([
    arnOf("echo"),
    `${arnOf("echo")}:$LATEST`,
    "echo:$LATEST",
    "000000000000:function:echo",
    "function:echo",
  ])("finds the function by %s", async (name) => {
    expect(await invoke(name)).toMatchObject({ StatusCode: 200 });
  });

  test("of a handler that throws answers 200 with the error as Node's runtime reports it", async () => {
    const { FunctionError, StatusCode, payload } = await invoke("crash");
    expect({ FunctionError, StatusCode }).toEqual({ FunctionError: "Unhandled", StatusCode: 200 });
    expect(payload).toEqual({
      errorType: "TypeError",
      errorMessage: "two\nlines",
      trace: expect.arrayContaining(["TypeError: two", "lines", expect.stringMatching(/^ {4}at .*handler/)]),
    });
  });

  test("of a function that ends its process names the exit", async () => {
    const { FunctionError, payload, requestId } = await invoke("exit");
    expect(FunctionError).toBe("Unhandled");
    expect(payload).toEqual({
      errorType: "Runtime.ExitError",
      errorMessage: `RequestId: ${requestId} Error: Runtime exited with error: exit status 3`,
    });
  });

  test("of a function that is too slow names the time-out", async () => {
    const { FunctionError, payload, requestId } = await invoke("slow");
    expect(FunctionError).toBe("Unhandled");
    expect(payload).toEqual({
      errorType: "Sandbox.Timedout",
      errorMessage: `RequestId: ${requestId} Error: Task timed out after 1.00 seconds`,
    });
  });

  test("of a function that returns more than 6 MB fails", async () => {
    expect(await invoke("large")).toMatchObject({
      FunctionError: "Unhandled",
      payload: {
        errorType: "Function.ResponseSizeTooLarge",
        errorMessage: "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
      },
    });
  });

  test("as an event is accepted with 202 and nothing else, and the function runs", async () => {
    const before = (await invoke("count")).payload;
    expect(await invoke("count", { InvocationType: "Event" })).toMatchObject({
      StatusCode: 202,
      payload: undefined,
    });
    await small.stack.idle();
    expect((await invoke("count")).payload).toBe(before + 2);
  });

  test("as a dry run answers 204, and the function does not run", async () => {
    const before = (await invoke("count")).payload;
    expect(await invoke("count", { InvocationType: "DryRun" })).toMatchObject({ StatusCode: 204 });
    expect((await invoke("count")).payload).toBe(before + 1);
  });

  test("of another kind is refused", async () => {
    const response = await fetch(`${small.client.endpoint}/2015-03-31/functions/echo/invocations`, {
      method: "POST",
      headers: {
        authorization: "AWS4-HMAC-SHA256 Credential=AKIAOPERATOR/20261123/us-east-1/lambda/aws4_request",
        "x-amz-invocation-type": "Soon",
      },
    });
    expect(response.status).toBe(400);
    expect(response.headers.get("x-amzn-errortype")).toBe("InvalidParameterValueException");
  });

  test("of an unknown function is refused by its ARN", async () => {
    await expect(invoke("nobody")).rejects.toMatchObject({
      name: "ResourceNotFoundException",
      message: `Function not found: ${arnOf("nobody")}`,
      $metadata: { httpStatusCode: 404 },
    });
  });

  test.each(["echo:3", "arn:aws:lambda:eu-west-1:000000000000:function:echo"])(
    "of a version or a function elsewhere, %s, is refused",
    async (name) => {
      await expect(invoke(name)).rejects.toMatchObject({ name: "ResourceNotFoundException" });
    },
  );

  test("of a version by its qualifier is refused", async () => {
    await expect(invoke("echo", { Qualifier: "3" })).rejects.toMatchObject({
      message: `Function not found: ${arnOf("echo")}:3`,
    });
    expect(await invoke("echo", { Qualifier: "$LATEST" })).toMatchObject({ StatusCode: 200 });
  });

  test("of a throttled function is refused with 429, and works again afterwards", async () => {
    small.stack.throttle("echo", 1);
    await expect(invoke("echo")).rejects.toMatchObject({
      name: "TooManyRequestsException",
      message: "Rate Exceeded.",
      Reason: "ConcurrentInvocationLimitExceeded",
      $metadata: { httpStatusCode: 429 },
    });
    expect(await invoke("echo")).toMatchObject({ StatusCode: 200 });
  });

  test("takes 6 MB and not one byte more", async () => {
    const json = (bytes: number) => `"${"x".repeat(bytes - 2)}"`;
    expect(await invoke("nothing", { Payload: json(6_291_456) })).toMatchObject({ StatusCode: 200 });
    await expect(invoke("nothing", { Payload: json(6_291_457) })).rejects.toMatchObject({
      name: "RequestEntityTooLargeException",
      message:
        "6291457 byte payload is too large for the RequestResponse invocation type (limit 6291456 bytes)",
      $metadata: { httpStatusCode: 413 },
    });
  });

  test("as an event takes 1 MB and not one byte more", async () => {
    const Payload = (bytes: number) => `"${"x".repeat(bytes - 2)}"`;
    const InvocationType = "Event";
    expect(await invoke("nothing", { InvocationType, Payload: Payload(1_048_576) })).toMatchObject({
      StatusCode: 202,
    });
    await expect(invoke("nothing", { InvocationType, Payload: Payload(1_048_577) })).rejects.toMatchObject({
      name: "RequestEntityTooLargeException",
    });
  });

  test("with a payload that is not JSON is refused", async () => {
    await expect(invoke("echo", { Payload: "{" })).rejects.toMatchObject({
      name: "InvalidRequestContentException",
      message: expect.stringMatching(/^Could not parse request body into json: /),
    });
  });

  test("with a function's key is allowed only as far as its role goes", async () => {
    const permitted = await clientOf("permitted");
    expect(await invoke("echo", {}, permitted)).toMatchObject({ StatusCode: 200 });
    await expect(invoke("count", {}, permitted)).rejects.toMatchObject({
      name: "AccessDeniedException",
      message: `User: arn:aws:sts::000000000000:assumed-role/permitted-role/permitted is not authorized to perform: lambda:InvokeFunction on resource: ${arnOf("count")} because no identity-based policy allows the lambda:InvokeFunction action`,
      $metadata: { httpStatusCode: 403 },
    });
  });

  test("with the key of a function that may not invoke does not reveal which functions exist", async () => {
    const barred = await clientOf("barred");
    for (const name of ["echo", "nobody"])
      await expect(invoke(name, {}, barred)).rejects.toMatchObject({ name: "AccessDeniedException" });
  });

  test("without a signature is refused, so that no web page can invoke anything", async () => {
    const response = await fetch(`${small.client.endpoint}/2015-03-31/functions/echo/invocations`, {
      method: "POST",
      body: "{}",
    });
    expect(response.status).toBe(403);
    expect(response.headers.get("x-amzn-errortype")).toBe("MissingAuthenticationTokenException");
  });
});

describe("GetFunctionConfiguration", () => {
  const look = (FunctionName: string, as = client) =>
    as.send(new GetFunctionConfigurationCommand({ FunctionName }));

  test("describes a function, by its name or its ARN, as the program declares it", async () => {
    for (const named of ["slow", arnOf("slow")]) {
      expect(await look(named)).toMatchObject({
        FunctionName: "slow",
        FunctionArn: arnOf("slow"),
        Runtime: "nodejs22.x",
        Role: "arn:aws:iam::000000000000:role/slow-role",
        Timeout: 1,
        MemorySize: 128,
        Environment: { Variables: { COLOR: "red" } },
        LoggingConfig: { LogFormat: "JSON", LogGroup: "/aws/lambda/slow", ApplicationLogLevel: "INFO" },
      });
    }
  });

  test("of an unknown function is refused", async () => {
    await expect(look("nobody")).rejects.toMatchObject({ name: "ResourceNotFoundException" });
  });

  test("needs the permission on the function", async () => {
    const permitted = await clientOf("permitted");
    expect(await look("slow", permitted)).toMatchObject({ FunctionName: "slow" });
    await expect(look("echo", permitted)).rejects.toMatchObject({ name: "AccessDeniedException" });
  });
});

test("GetAccountSettings shows AWS's default quota, to those who may ask", async () => {
  const { AccountLimit } = await client.send(new GetAccountSettingsCommand({}));
  expect(AccountLimit).toEqual({ ConcurrentExecutions: 1_000, UnreservedConcurrentExecutions: 1_000 });
  const barred = await clientOf("barred");
  await expect(barred.send(new GetAccountSettingsCommand({}))).rejects.toMatchObject({
    name: "AccessDeniedException",
    message: expect.stringContaining("lambda:GetAccountSettings"),
  });
});

describe("ListEventSourceMappings", () => {
  const list = async (FunctionName?: string, as = client) => {
    const command = new ListEventSourceMappingsCommand({ FunctionName });
    return (await as.send(command)).EventSourceMappings;
  };

  test("describes a function's mappings, as the program declares them", async () => {
    expect(await list("ordered")).toEqual([
      expect.objectContaining({
        UUID: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/),
        EventSourceArn: streamArn,
        FunctionArn: arnOf("ordered"),
        State: "Enabled",
        BatchSize: 25,
        StartingPosition: "LATEST",
        FunctionResponseTypes: ["ReportBatchItemFailures"],
        FilterCriteria: { Filters: [{ Pattern: '{"eventName":["INSERT"]}' }] },
      }),
    ]);
  });

  test("finds them by the function's ARN, and without a function all of them", async () => {
    expect(await list(arnOf("ordered"))).toHaveLength(1);
    expect(await list()).toHaveLength(1);
  });

  test("of a function without any is empty", async () => {
    expect(await list("echo")).toEqual([]);
  });

  test("of an unknown function is refused", async () => {
    await expect(list("nobody")).rejects.toMatchObject({ name: "ResourceNotFoundException" });
  });

  test("needs its permission", async () => {
    expect(await list("ordered", await clientOf("permitted"))).toHaveLength(1);
    await expect(list("ordered", await clientOf("barred"))).rejects.toMatchObject({
      name: "AccessDeniedException",
    });
  });
});

test("as many functions as may run at a time can each wait for another", async () => {
  const places = Math.max(4, 2 * availableParallelism());
  const outcomes = await Promise.all(Array.from({ length: places }, () => small.stack.invoke("outer", {})));
  expect(outcomes).toEqual(Array(places).fill({ kind: "returned", payload: { from: "outer" } }));
});
