import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { findTarget, type Wanted } from "./target.js";

afterEach(() => vi.unstubAllEnvs());

/** Like SST's file: the program's outputs, flat. */
const outputs = {
  WebSocketAPIEndpoint: "wss://abc123.execute-api.eu-central-1.amazonaws.com/prod",
  SessionsTableName: "Sessions-staging",
  ConnectionsTableName: "Connections-staging",
  RateLimitsTableName: "RateLimits-staging",
  AlarmTopicArn: "arn:aws:sns:eu-central-1:123456789012:session-management-alarms-staging",
  UserPoolId: "eu-central-1_AbCdEf123",
  UserPoolClientId: "client1",
};

const written = async (text: string): Promise<string> => {
  const folder = await mkdtemp(path.join(tmpdir(), "lectern-verify-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, "outputs.json");
  await writeFile(file, text);
  return file;
};

const find = (wanted: Partial<Wanted>) => findTarget(wanted);

test("a deployment's outputs are enough", async () => {
  const target = await find({ outputs: await written(JSON.stringify(outputs)) });
  expect(target).toMatchObject({
    url: outputs.WebSocketAPIEndpoint,
    stage: "staging",
    pool: { userPoolId: "eu-central-1_AbCdEf123", clientId: "client1" },
    aws: { region: "eu-central-1" },
    local: undefined,
  });
});

test("--url may name another address of the same deployment", async () => {
  const file = await written(JSON.stringify(outputs));
  const url = "wss://live.example.com";
  expect(await find({ outputs: file, url })).toMatchObject({ url: `${url}/`, stage: "staging" });
});

test.each([
  [{ region: "eu-west-1", "user-pool-id": "us-west-2_AbCdEf123" }, "eu-west-1"],
  [{ "user-pool-id": "us-west-2_AbCdEf123" }, "us-west-2"],
  [{ url: "wss://abc123.execute-api.eu-central-1.amazonaws.com/prod" }, "eu-central-1"],
  [{}, "ap-south-1"],
])("the region of %j is %s", async (wanted, region) => {
  vi.stubEnv("AWS_REGION", "ap-south-1");
  const { aws } = await find({ url: "wss://live.example.com", stage: "prod", ...wanted });
  expect(aws?.region).toBe(region);
});

test("without a region or a stage no table is looked at", async () => {
  vi.stubEnv("AWS_REGION", undefined);
  vi.stubEnv("AWS_DEFAULT_REGION", undefined);
  const url = "wss://live.example.com";
  const look = async (wanted: Partial<Wanted>) => (await find(wanted)).operator.row("Sessions", "x");
  await expect(look({ url, stage: "prod" })).rejects.toThrow("no region is known without --region");
  await expect(look({ url, region: "us-east-1" })).rejects.toThrow(
    "neither --outputs nor --stage names the tables",
  );
});

const sentenceOf = (wanted: Partial<Wanted>): Promise<string> =>
  find(wanted).then(
    () => "",
    ({ name, message }: Error) => `${name}: ${message}`,
  );

test.each([
  [{}, "UserError: Which endpoint? Name it with --url, or its deployment with --outputs .sst/outputs.json. "],
  [{ stage: "prod" }, "UserError: Which endpoint?"],
  [{ outputs: "none.json" }, "UserError: There is no none.json: deploy first, "],
  [{ url: "https://example.com" }, "UserError: --url takes a WebSocket address, "],
  [
    { url: "ws://127.0.0.1:1/prod" },
    "UserError: Nobody answers at ws://127.0.0.1:1/prod (ECONNREFUSED): start",
  ],
])("%j is answered with one sentence", async (wanted, sentence) => {
  expect(await sentenceOf(wanted)).toContain(sentence);
});

test("outputs of another stage, outputs of a removed stage, and text that is not JSON", async () => {
  const file = await written(JSON.stringify(outputs));
  expect(await sentenceOf({ outputs: file, stage: "prod" })).toContain(
    "is of the stage staging, not prod: correct",
  );
  expect(await sentenceOf({ outputs: await written("{}") })).toContain(
    "does not hold a deployment's outputs (WebSocketAPIEndpoint is missing)",
  );
  expect(await sentenceOf({ outputs: await written("hello") })).toContain(
    "does not hold a deployment's outputs (it is not JSON)",
  );
});

test("an endpoint on this machine must be a local stack", async () => {
  const server = createServer((_, response) => response.end("hello"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  expect(await sentenceOf({ url: `ws://127.0.0.1:${port}/prod` })).toContain(
    `What answers at ws://127.0.0.1:${port}/prod is not a local stack: start one with npm start`,
  );
});
