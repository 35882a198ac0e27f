import { expect, test } from "vitest";
import { settingsFor } from "../settings";
import type { ByStage } from "../settings.schema";

const previews = {
  repository: "acme/lectern",
  environments: ["staging", "preview"],
  createsProvider: false,
};

test.each([
  ["the same account", { staging: { account: "1".repeat(12) }, prod: { account: "1".repeat(12) } }],
  ["no account", { staging: {}, prod: {} }],
  ["no account of the protected stage", { staging: { account: "1".repeat(12) } }],
  ["no account of the previews' stage", { prod: { account: "2".repeat(12) } }],
] as const)("refuses previews beside a protected stage: %s", (_, { staging, prod = {} }: ByStage) => {
  const own = { staging: { ...staging, github: previews }, prod };
  expect(() => settingsFor("staging", own)).toThrow(
    "Setting github (GITHUB) must not name the environment preview in the account of prod, a protected stage: set different accounts for the two stages, or set previewsBesideProtected to true.",
  );
  // The stages that make no role for previews are not in question.
  expect(settingsFor("prod", own).isProtected).toBe(true);
});

test("refuses previews beside any protected stage, also beside the stage that makes their role", () => {
  const live = { account: "1".repeat(12), isProtected: true };
  const prod = { account: "2".repeat(12) };
  const beside = { "prod-west": live, prod, staging: { account: live.account, github: previews } };
  expect(() => settingsFor("staging", beside)).toThrow("in the account of prod-west");
  expect(() => settingsFor("staging", { prod, staging: { ...live, github: previews } })).toThrow(
    "in the account of staging",
  );
});

test("takes previews in another account, or beside a protected stage if a setting allows it", () => {
  const accounts = { staging: { account: "1".repeat(12) }, prod: { account: "2".repeat(12) } };
  expect(
    settingsFor("staging", { ...accounts, staging: { ...accounts.staging, github: previews } }).github,
  ).toMatchObject(previews);
  const willing = { ...previews, previewsBesideProtected: true };
  expect(settingsFor("staging", { staging: { github: willing } }).github).toEqual(willing);
});
