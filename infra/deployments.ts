import type { ByStage } from "./settings.schema";

/**
 * Your settings, by stage. They override the project's own, which are in settings.ts.
 * docs/environment-variables.md lists every setting. `pr-*` stands for every preview.
 *
 * @example
 * const test = { account: "111111111111", region: "eu-central-1", alarmEmail: "operators@example.com" };
 * const live = { ...test, account: "222222222222", monthlyBudget: 100 };
 *
 * export const deployments: ByStage = {
 *   staging: { ...test },
 *   prod: { ...live },
 *   "pr-*": { account: test.account, region: test.region },
 * };
 */
export const deployments: ByStage = {};
