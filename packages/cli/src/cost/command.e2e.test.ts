import { beforeAll, expect, test } from "vitest";
import { ended, run, start } from "../testing.js";
import type { Report } from "./report.js";

let reference: Report;

beforeAll(async () => {
  reference = JSON.parse((await run(["cost", "--json"])).stdout);
});

test("--json prints one object: the bill, the original estimate, the savings and the assumptions", () => {
  expect(reference).toEqual({
    total: expect.any(Number),
    currency: "USD",
    date: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
    region: "us-east-1",
    stage: "prod",
    load: {
      sessions: 100,
      listeners: 50,
      minutes: 30,
      days: 30,
      heartbeat: 30,
      speakers: 100,
      leaving: 0,
      logSampling: 0.01,
      updates: 0,
    },
    services: expect.any(Array),
    original: 55,
    savings: expect.any(Array),
    assumptions: expect.any(Array),
    notes: expect.any(Array),
  });
  expect(reference.services.map(({ service }) => service)).toEqual([
    "API Gateway",
    "Lambda",
    "DynamoDB",
    "CloudWatch",
    "Cognito",
    "Others",
  ]);
  for (const { items } of reference.services) {
    for (const item of items) {
      expect(item).toEqual({
        what: expect.any(String),
        quantity: expect.any(Number),
        unit: expect.any(String),
        price: expect.any(Number),
        dollars: expect.any(Number),
      });
    }
  }
  for (const saving of reference.savings) {
    expect(saving).toEqual({
      change: expect.any(String),
      where: expect.any(String),
      dollars: expect.any(Number),
    });
  }
  for (const assumption of reference.assumptions) {
    expect(assumption).toEqual({
      what: expect.any(String),
      value: expect.any(Number),
      unit: expect.any(String),
      why: expect.any(String),
    });
  }
});

test("without --json it prints tables, without colours when the output is no terminal", async () => {
  const { code, stdout, stderr } = await ended(start(["cost"]));
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(new RegExp(`total a month +${reference.total.toFixed(2).replace(".", "\\.")}\n`));
  expect(stdout).not.toContain("\u001b");
});

test("--stage evaluates the settings and resources of another stage", async () => {
  const { stage, load, services }: Report = JSON.parse(
    (await run(["cost", "--json", "--stage", "dev"])).stdout,
  );
  expect({ stage, logSampling: load.logSampling }).toEqual({ stage: "dev", logSampling: 1 });
  const whats = services.flatMap(({ items }) => items.map(({ what }) => what));
  expect(whats).not.toContain("point-in-time recovery");
});

test.each([
  [["--listeners", "501"], /^--listeners takes a whole number from 0 to 500 .*, not 501\.\n$/],
  [["--stage", "../prod"], /^--stage takes a stage's name, such as prod or pr-7, not \.\.\/prod\.\n$/],
  [["--minute", "3"], /^Unknown option '--minute'\. npm run cost -- --help shows what there is\.\n$/],
])("%s is refused with one sentence, without a stack trace", async (args, sentence) => {
  const { code, stdout, stderr } = await run(["cost", ...args]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toMatch(sentence);
});
