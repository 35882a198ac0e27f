import type { ByStage } from "./settings.schema";

/**
 * Your settings, by stage. They override the project's own, which are in settings.ts.
 * docs/environment-variables.md lists every setting. `pr-*` stands for every preview.
 *
 * @example
 * const ours = { account: "123456789012", region: "eu-central-1", alarmEmail: "operators@example.com" };
 *
 * export const deployments: ByStage = {
 *   staging: { ...ours },
 *   prod: { ...ours, monthlyBudget: 100 },
 *   "pr-*": { account: ours.account, region: ours.region },
 * };
 */
export const deployments: ByStage = {};
