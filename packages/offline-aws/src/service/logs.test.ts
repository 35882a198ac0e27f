import {
  CloudWatchLogsClient,
  FilterLogEventsCommand,
  type FilterLogEventsCommandInput,
} from "@aws-sdk/client-cloudwatch-logs";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { StackClock } from "../clock.js";
import { createLogStore } from "./logs.js";
import { clientOptionsOf, resource, type SmallStack, startSmallStack, whoAmI } from "./testing.js";

const groupOf = (name: string) => `/aws/lambda/${name}`;

/** Writes the lines that its event asks for. */
const writer = `export const handler = async ({ lines = [], log, error, crash, hang }) => {
  for (const line of lines) process.stdout.write(line + "\\n");
  if (log) console.log(log);
  if (error) console.error(error);
  if (crash === "thrown") throw new TypeError("two\\nlines");
  if (crash === "uncaught") setTimeout(() => { throw new RangeError("late"); });
  if (crash || hang) await new Promise(() => {});
};`;

let small: SmallStack;
let client: CloudWatchLogsClient;

beforeAll(async () => {
  small = await startSmallStack(
    {
      json: { code: writer, timeout: 1 },
      text: { code: writer, timeout: 1, logFormat: "Text" },
      paged: { code: writer },
      large: { code: writer },
      timed: { code: writer },
      broken: { code: "throw new Error('not loaded'); export const handler = undefined;" },
      lateral: {
        code: "export const handler = async () => void setImmediate(() => { throw new Error('after'); });",
      },
      grouped: { code: writer },
      permitted: {
        code: whoAmI,
        statements: [
          {
            Action: ["logs:FilterLogEvents"],
            Resource: ["arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/json:*"],
          },
        ],
      },
      barred: { code: whoAmI },
    },
    [resource("aws:cloudwatch/logGroup:LogGroup", "access", { name: "/aws/vendedlogs/apis/access" })],
  );
  client = new CloudWatchLogsClient(small.client);
});

afterAll(async () => {
  client?.destroy();
  await small?.stop();
});

const filter = (name: string, input: Partial<FilterLogEventsCommandInput> = {}, as = client) =>
  as.send(new FilterLogEventsCommand({ logGroupName: groupOf(name), ...input }));

const messages = async (name: string, input: Partial<FilterLogEventsCommandInput> = {}) =>
  (await filter(name, input)).events?.map(({ message }) => message);

/** Runs the writer and returns the events of this run. */
const written = async (name: string, event: object) => {
  const before = (await messages(name))?.length ?? 0;
  await small.stack.invoke(name, event);
  return (await messages(name))?.slice(before);
};

const clientOf = async (functionName: string) => {
  const own = new CloudWatchLogsClient(await clientOptionsOf(small.stack, functionName));
  onTestFinished(() => own.destroy());
  return own;
};

const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const uuid = expect.stringMatching(/^[0-9a-f-]{36}$/);

describe("a function's log group has", () => {
  test("its own JSON lines as they were written", async () => {
    const line = '{"level":"ERROR","message":"no  seat","é":[1]}';
    expect(await written("json", { lines: [line] })).toEqual([line]);
    expect(await written("text", { lines: [line] })).toEqual([line]);
  });

  test("its console lines in the function's log format, with a level", async () => {
    const [log, error] = (await written("json", { log: "said", error: "cried" })) ?? [];
    const common = { timestamp: iso, requestId: uuid };
    expect(JSON.parse(log ?? "")).toEqual({ ...common, level: "INFO", message: "said" });
    expect(JSON.parse(error ?? "")).toEqual({ ...common, level: "ERROR", message: "cried" });
    const [plain] = (await written("text", { log: "said" })) ?? [];
    expect(plain?.split("\t")).toEqual([iso, uuid, "INFO", "said"]);
  });

  test("an uncaught error as one event with its stack", async () => {
    const crashed = await written("json", { crash: "thrown" });
    expect(crashed).toHaveLength(1);
    expect(JSON.parse(crashed?.[0] ?? "")).toEqual({
      timestamp: iso,
      level: "ERROR",
      requestId: uuid,
      message: {
        errorType: "TypeError",
        errorMessage: "two\nlines",
        stackTrace: expect.arrayContaining([
          "TypeError: two",
          "lines",
          expect.stringMatching(/^ {4}at .*handler/),
        ]),
      },
    });
    const [plain] = (await written("text", { crash: "thrown" })) ?? [];
    const [at, requestId, level, what, described = ""] = plain?.split("\t") ?? [];
    expect([at, requestId, level, what]).toEqual([iso, uuid, "ERROR", "Invoke Error "]);
    expect(JSON.parse(described)).toMatchObject({ errorType: "TypeError", errorMessage: "two\nlines" });
  });

  test("such an error before the lines of the next invocation", async () => {
    const before = (await messages("json"))?.length ?? 0;
    await small.stack.invoke("json", { crash: "thrown" });
    await small.stack.invoke("json", { lines: ['{"next":1}'] });
    const [first, second] = (await messages("json"))?.slice(before) ?? [];
    expect(first).toContain("TypeError");
    expect(second).toBe('{"next":1}');
  });

  test("an error that ends the process, too, and one while loading", async () => {
    expect(JSON.parse((await written("json", { crash: "uncaught" }))?.at(-1) ?? "")).toMatchObject({
      level: "ERROR",
      message: { errorType: "RangeError", errorMessage: "late" },
    });
    expect(JSON.parse((await written("broken", {}))?.at(-1) ?? "")).toMatchObject({
      level: "ERROR",
      message: { errorType: "Error", errorMessage: "not loaded" },
    });
  });

  test("an error between two invocations", async () => {
    const crashes = () => filter("lateral", { filterPattern: '{ $.message.errorMessage = "after" }' });
    await small.stack.invoke("lateral", {});
    await expect.poll(async () => (await crashes()).events?.length).toBe(1);
  });

  test("a time-out as Lambda reports it", async () => {
    const [report] = (await written("json", { hang: true })) ?? [];
    expect(JSON.parse(report ?? "")).toMatchObject({
      type: "platform.report",
      record: { requestId: uuid, status: "timeout", metrics: { durationMs: expect.any(Number) } },
    });
    const [plain] = (await written("text", { hang: true })) ?? [];
    expect(plain).toMatch(/^\S+Z [0-9a-f-]{36} Task timed out after 1\.00 seconds$/);
  });
});

describe("FilterLogEvents", () => {
  test("describes an event as CloudWatch does", async () => {
    await small.stack.invoke("timed", { lines: ['{"a":1}'] });
    const { events, searchedLogStreams, nextToken } = await filter("timed", { limit: 1 });
    const timestamp = events?.[0]?.timestamp;
    expect(events).toEqual([
      {
        eventId: expect.stringMatching(/^\d{56}$/),
        logStreamName: expect.stringMatching(/^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/),
        timestamp: expect.any(Number),
        ingestionTime: timestamp,
        message: '{"a":1}',
      },
    ]);
    expect(Math.abs(small.stack.clock.now() - Number(timestamp))).toBeLessThan(60_000);
    expect(searchedLogStreams).toEqual([]);
    expect(nextToken).toBeUndefined();
  });

  test("finds the events of a span of time, both ends included", async () => {
    const at = async (line: string) => {
      small.stack.clock.advance(1_000);
      await small.stack.invoke("timed", { lines: [`{"at":"${line}"}`] });
      const { events } = await filter("timed");
      return events?.at(-1)?.timestamp ?? 0;
    };
    const [first, second, third] = [await at("first"), await at("second"), await at("third")];
    const between = (startTime: number, endTime: number) => messages("timed", { startTime, endTime });
    expect(await between(first, second)).toEqual(['{"at":"first"}', '{"at":"second"}']);
    expect(await between(first + 1, third - 1)).toEqual(['{"at":"second"}']);
    expect(await messages("timed", { startTime: third })).toEqual(['{"at":"third"}']);
    expect(await messages("timed", { startTime: third + 1 })).toEqual([]);
  });

  test("finds the events that match a pattern", async () => {
    await small.stack.invoke("grouped", {
      lines: ['{"level":"INFO","message":"ERROR said"}', '{"level":"ERROR","message":"no seat"}'],
    });
    expect(await messages("grouped", { filterPattern: '{ $.level = "ERROR" }' })).toEqual([
      '{"level":"ERROR","message":"no seat"}',
    ]);
    expect(await messages("grouped", { filterPattern: "ERROR said" })).toEqual([
      '{"level":"INFO","message":"ERROR said"}',
    ]);
  });

  test("refuses a pattern that it cannot read", async () => {
    await expect(filter("json", { filterPattern: "?a ?b" })).rejects.toMatchObject({
      name: "InvalidParameterException",
      message: expect.stringMatching(/^The local stack cannot filter by \?a \?b: /),
    });
  });

  test("returns as many events as the limit allows, and a token for the rest", async () => {
    await small.stack.invoke("paged", { lines: ["{1}", "{2}", "{x}", "{3}", "{4}", "{5}"] });
    const pages: (string | undefined)[][] = [];
    let nextToken: string | undefined;
    do {
      const page = await filter("paged", { limit: 2, nextToken });
      pages.push(page.events?.map(({ message }) => message) ?? []);
      nextToken = page.nextToken;
    } while (nextToken);
    expect(pages).toEqual([
      ["{1}", "{2}"],
      ["{x}", "{3}"],
      ["{4}", "{5}"],
    ]);
  });

  test("returns at most 1 MB at a time, but always one event", async () => {
    const line = (size: number) => `{${"x".repeat(size - 2)}}`;
    await small.stack.invoke("large", { lines: [line(1_048_577), line(524_288), line(524_288), line(2)] });
    const sizes: (number | undefined)[][] = [];
    let nextToken: string | undefined;
    do {
      const page = await filter("large", { nextToken });
      sizes.push(page.events?.map(({ message }) => message?.length) ?? []);
      nextToken = page.nextToken;
    } while (nextToken);
    expect(sizes).toEqual([[1_048_577], [524_288, 524_288], [2]]);
  });

  test("refuses a token that it did not give", async () => {
    await expect(filter("json", { nextToken: "mine" })).rejects.toMatchObject({
      name: "InvalidParameterException",
      message: "The specified nextToken is invalid.",
    });
  });

  test.each([0, 10_001, 1.5])("refuses %s as a limit", async (limit) => {
    await expect(filter("json", { limit })).rejects.toMatchObject({ name: "InvalidParameterException" });
  });

  test("searches the named streams, or those with a prefix", async () => {
    await small.stack.invoke("grouped", { lines: ["{}"] });
    const { events = [] } = await filter("grouped");
    const own = events[0]?.logStreamName ?? "";
    expect(await messages("grouped", { logStreamNames: [own] })).toHaveLength(events.length);
    expect(await messages("grouped", { logStreamNamePrefix: own.slice(0, 10) })).toHaveLength(events.length);
    expect(await messages("grouped", { logStreamNames: ["another"] })).toEqual([]);
    expect(await messages("grouped", { logStreamNamePrefix: "another" })).toEqual([]);
  });

  test("takes the group by its ARN as well", async () => {
    const arn = `arn:aws:logs:us-east-1:000000000000:log-group:${groupOf("permitted")}`;
    for (const logGroupIdentifier of [arn, `${arn}:*`])
      expect(await messages("x", { logGroupName: undefined, logGroupIdentifier })).toEqual([]);
    await expect(filter("x", { logGroupName: undefined })).rejects.toMatchObject({
      name: "InvalidParameterException",
    });
  });

  test("of a group that nothing was written to is empty", async () => {
    expect(await messages("x", { logGroupName: "/aws/vendedlogs/apis/access" })).toEqual([]);
  });

  test("of a group that the program does not declare is refused", async () => {
    await expect(filter("nobody")).rejects.toMatchObject({
      name: "ResourceNotFoundException",
      message: "The specified log group does not exist.",
      $metadata: { httpStatusCode: 400 },
    });
  });

  test("with a function's key is allowed only as far as its role goes", async () => {
    const permitted = await clientOf("permitted");
    expect((await filter("json", {}, permitted)).events).toEqual(expect.any(Array));
    await expect(filter("text", {}, permitted)).rejects.toMatchObject({
      name: "AccessDeniedException",
      message: expect.stringMatching(
        /not authorized to perform: logs:FilterLogEvents on resource: arn:aws:logs:us-east-1:000000000000:log-group:\/aws\/lambda\/text:log-stream: /,
      ),
    });
    await expect(filter("nobody", {}, await clientOf("barred"))).rejects.toMatchObject({
      name: "AccessDeniedException",
    });
  });

  test("without a signature is refused", async () => {
    const response = await fetch(small.client.endpoint, {
      method: "POST",
      headers: { "x-amz-target": "Logs_20140328.FilterLogEvents" },
      body: JSON.stringify({ logGroupName: groupOf("json") }),
    });
    expect(await response.json()).toMatchObject({ __type: "MissingAuthenticationTokenException" });
  });
});

test("a group keeps its last events, the oldest first", () => {
  const store = createLogStore({ groups: ["a"], clock: new StackClock(), keep: 3 });
  const kept = () => store.events("a")?.map(({ message }) => message);
  expect(kept()).toEqual([]);
  store.put("a", "1");
  store.put("a", "2");
  expect(kept()).toEqual(["1", "2"]);
  for (const message of ["3", "4", "5", "6", "7"]) store.put("a", message);
  expect(kept()).toEqual(["5", "6", "7"]);
});

test("event ids are 56 digits and grow, over all groups", () => {
  const store = createLogStore({ groups: ["a", "b"], clock: new StackClock() });
  for (let index = 0; index < 12; index += 1) store.put(index % 2 ? "a" : "b", String(index));
  const events = [...(store.events("a") ?? []), ...(store.events("b") ?? [])];
  const byMessage = events.toSorted((one, other) => Number(one.message) - Number(other.message));
  const ids = byMessage.map(({ eventId }) => eventId);
  expect(ids).toEqual(ids.toSorted());
  expect(new Set(ids).size).toBe(12);
  expect(ids.every((id) => /^\d{56}$/.test(id))).toBe(true);
});

test("writing to an undeclared group does not create it", () => {
  const store = createLogStore({ groups: [], clock: new StackClock() });
  store.put("a", "lost");
  expect(store.events("a")).toBeUndefined();
});
