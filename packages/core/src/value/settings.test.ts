import { expect, test } from "vitest";
import { defaults } from "../testing/index.js";
import { checkSettings, environmentName, SettingError, settingNames, settingsFrom } from "./settings.js";

const environment = Object.fromEntries(
  settingNames.map((name) => [environmentName(name), String(defaults[name])]),
);

test("settings reach the functions under upper-case names, as text", () => {
  expect(environmentName("maxListenersPerSession")).toBe("MAX_LISTENERS_PER_SESSION");
  expect(environmentName("rateLimitListenerJoinsPerMin")).toBe("RATE_LIMIT_LISTENER_JOINS_PER_MIN");
  expect(settingsFrom(environment)).toEqual(defaults);
});

test("fractions of minutes and hours are allowed", () => {
  expect(
    settingsFrom({
      ...environment,
      CONNECTION_MAX_DURATION_HOURS: "0.05",
      CONNECTION_REFRESH_MINUTES: "0.5",
      CONNECTION_WARNING_MINUTES: "0.75",
    }),
  ).toMatchObject({ connectionMaxDurationHours: 0.05, connectionRefreshMinutes: 0.5 });
});

test.each(settingNames)("a missing %s is named, in both spellings", (name) => {
  const { [environmentName(name)]: _, ...rest } = environment;
  expect(() => settingsFrom(rest)).toThrow(`Setting ${name} (${environmentName(name)}) is missing.`);
});

test.each([
  ["sessionMaxDurationHours", 2, 2.01],
  ["connectionMaxDurationHours", 2, 2.01],
  ["connectionRefreshMinutes", 105, 105.1],
  ["connectionRefreshMinutes", 0.01, 0],
  ["connectionWarningMinutes", 100, 99.9],
  ["connectionWarningMinutes", 119.9, 120],
  ["heartbeatTimeoutSeconds", 31, 30],
  ["heartbeatIntervalSeconds", 89, 90],
  ["heartbeatIntervalSeconds", 24, 23.9],
  ["speakerGraceSeconds", 0, -1],
  ["maxListenersPerSession", 1, 0],
  ["maxListenersPerSession", 1, 1.5],
  ["maxActiveSessions", 1, 0],
  ["dataRetentionHours", 0.5, 0],
  ["fanOutRequestsPerSecond", 10_000, 10_001],
  ["rateLimitSessionsPerHour", 1, 0],
  ["rateLimitListenerJoinsPerMin", 1, 0.5],
  ["rateLimitConnectionAttemptsPerMin", 1, -5],
  ["rateLimitHeartbeatsPerMin", 60_000, 60_001],
  ["rateLimitHeartbeatsPerMin", 2, Number.POSITIVE_INFINITY],
])("%s may be %d and not %d", (name, good, bad) => {
  expect(checkSettings({ ...defaults, [name]: good })).toMatchObject({ [name]: good });
  expect(() => checkSettings({ ...defaults, [name]: bad })).toThrow(SettingError);
});

test("a number may have an exponent", () => {
  expect(checkSettings({ ...defaults, maxActiveSessions: "1e3" })).toMatchObject({
    maxActiveSessions: 1_000,
  });
});

test.each(["", "ten", "1e", "e3", "1e0.5", "0x10", " 5", "5 ", "1,5", "NaN", "--5"])(
  "%j is not a number",
  (text) => {
    expect(() => checkSettings({ ...defaults, maxActiveSessions: text })).toThrow(
      `Setting maxActiveSessions (MAX_ACTIVE_SESSIONS) must be a number, but it is ${JSON.stringify(text)}.`,
    );
  },
);
