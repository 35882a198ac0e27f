import { UserError } from "offline-aws";
import { expect, test } from "vitest";
import { loadOptions, parseLoad, referenceLoad } from "./load.js";
import { usage } from "./usage.js";

const { stage } = usage;

const parse = (options: Readonly<Record<string, string>>) => parseLoad(options, stage);

test("without options the load is the reference load with the stage's own settings", () => {
  expect(parse({})).toEqual({
    sessions: 100,
    listeners: 50,
    minutes: 30,
    days: 30,
    heartbeat: 30,
    speakers: 100,
    leaving: 0,
    logSampling: 0.01,
    updates: 0,
  });
  const quick = {
    ...stage,
    settings: { ...stage.settings, heartbeatIntervalSeconds: 60, heartbeatLogSampling: 1 },
  };
  expect(referenceLoad(quick)).toMatchObject({ heartbeat: 60, logSampling: 1 });
});

test.each([
  ["sessions", "7", { sessions: 7 }],
  ["listeners", "500", { listeners: 500 }],
  ["minutes", "90.5", { minutes: 90.5 }],
  ["days", "31", { days: 31 }],
  ["heartbeat", "599", { heartbeat: 599 }],
  ["speakers", "0", { speakers: 0 }],
  ["leaving", "0.5", { leaving: 0.5 }],
  ["log-sampling", "1", { logSampling: 1 }],
  ["updates", "60", { updates: 60 }],
])("--%s %s is accepted", (option, text, expected) => {
  expect(parse({ [option]: text })).toEqual({ ...referenceLoad(stage), ...expected });
});

test("every option of the load is parsed", () => {
  for (const option of Object.keys(loadOptions)) {
    expect(() => parse({ [option]: "nonsense" })).toThrow(`--${option} takes a `);
  }
});

test.each([
  ["sessions", "1.5", "--sessions takes a whole number from 0 to 1000000, not 1.5."],
  ["sessions", "-1", "--sessions takes a whole number from 0 to 1000000, not -1."],
  [
    "listeners",
    "501",
    "--listeners takes a whole number from 0 to 500 (the stage's maxListenersPerSession), not 501.",
  ],
  ["minutes", "0.5", "--minutes takes a number from 1 to 1440 (a day), not 0.5."],
  [
    "heartbeat",
    "29",
    "--heartbeat takes a number from 30 (the stage lets 2 heartbeats a minute through) to 599 (API Gateway cuts a connection that is silent for 10 minutes), not 29.",
  ],
  [
    "heartbeat",
    "600",
    "--heartbeat takes a number from 30 (the stage lets 2 heartbeats a minute through) to 599 (API Gateway cuts a connection that is silent for 10 minutes), not 600.",
  ],
  ["log-sampling", "1.01", "--log-sampling takes a number from 0 to 1, not 1.01."],
  ["days", "32", "--days takes a whole number from 0 to 31, not 32."],
])("--%s %s is refused with the bounds", (option, text, sentence) => {
  expect(() => parse({ [option]: text })).toThrow(new UserError(sentence));
});
