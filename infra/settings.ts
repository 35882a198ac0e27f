import { checkSettings, environmentName, SettingError, settingNames } from "@lectern/core/settings";
import * as v from "valibot";
import { deployments } from "./deployments";
import { type ByStage, type Deployment, deploymentSchema, type StageSettings } from "./settings.schema";
import { nameProblem, resembles } from "./stage-name";

const defaults = {
  region: "us-east-1",
  isProtected: false,
  isRemovable: false,
  monitoring: true,
  passwordSignIn: true,
  adoptRetained: false,
  signingKeyVersion: 1,
  logLevel: "INFO",
  heartbeatLogSampling: 1,
  provisionedConcurrency: 0,
  sessionMaxDurationHours: 2,
  connectionMaxDurationHours: 2,
  connectionRefreshMinutes: 100,
  connectionWarningMinutes: 105,
  heartbeatIntervalSeconds: 30,
  heartbeatTimeoutSeconds: 90,
  speakerGraceSeconds: 30,
  maxListenersPerSession: 500,
  maxActiveSessions: 100,
  dataRetentionHours: 12,
  fanOutRequestsPerSecond: 3_500,
  rateLimitSessionsPerHour: 50,
  rateLimitListenerJoinsPerMin: 10,
  rateLimitConnectionAttemptsPerMin: 20,
  rateLimitHeartbeatsPerMin: 2,
} satisfies Partial<StageSettings>;

/** The project's own differences from the defaults. Every stage without an entry is a developer's. */
const stages: ByStage = {
  staging: { heartbeatLogSampling: 0.01 },
  prod: { isProtected: true, passwordSignIn: false, heartbeatLogSampling: 0.01 },
  "pr-*": { monitoring: false },
};

/**
 * The variable that, set to anything, leaves out `deployments`.
 * The project's tests and generated documents set it, so that they hold for every operator.
 */
export const projectOnlyVariable = "LECTERN_PROJECT_ONLY";

/** The variable with the settings from the local stack's command line, as JSON. A deployment has none. */
const overridesVariable = "OFFLINE_AWS_SETTINGS";

const ownDeployments = (): ByStage => (process.env[projectOnlyVariable] ? {} : deployments);

/**
 * The checked settings of a stage: the defaults, under the project's own, the operator's and the command line's.
 * @throws {SettingError} with the name of the first wrong setting and the reason, or with what is wrong with the stage's name
 */
export const settingsFor = (stage: string, own = ownDeployments()): StageSettings => {
  const problem = nameProblem(stage);
  if (problem !== undefined) throw new StageError(problem);
  checkNames(own);
  const given = {
    ...defaults,
    ...settingsNamed(isPreview(stage) ? "pr-*" : stage, own),
    ...overrides(process.env[overridesVariable]),
  };
  const deployment = checkDeployment(given);
  checkPreviews(deployment, own);
  return { ...checkSettings(given), ...deployment };
};

const settingsNamed = (name: string, own = ownDeployments()): Partial<StageSettings> => ({
  ...stages[name],
  ...own[name],
});

/** True for the stage of a pull request, such as `pr-7`. */
export const isPreview = (stage: string): boolean => /^pr-\d+$/.test(stage);

const protectedIn = (own: ByStage): readonly string[] =>
  [...new Set([...Object.keys(stages), ...Object.keys(own)])].filter(
    (stage) => settingsNamed(stage, own).isProtected,
  );

/** The stages that the pipelines of other stages must never touch. */
export const protectedStages = protectedIn(ownDeployments());

/**
 * Refuses live mode on a stage that others use: it replaces the functions by stubs, which wait for one person's laptop.
 * @throws {SettingError} unless the stage may have live functions
 */
export const checkLive = (stage: string, own = ownDeployments()): void => {
  const { isProtected, github, isBounded } = settingsFor(stage, own);
  const why =
    (isProtected && "it is protected") ||
    (Object.hasOwn(stages, stage) && "others use it") ||
    ((github || isBounded) && "its roles' boundary would cut them off");
  if (!why) return;
  throw new StageError(
    `Stage ${stage} takes no live functions, because ${why}: use a stage of your own (npm run dev -- --stage alice).`,
  );
};

/**
 * The stage that an operator may have meant: `prod` for `Prod` or `production`, which would have none of its settings.
 * Undefined if no shared stage has such a name, or if this one has its own settings.
 */
export const meantStage = (stage: string, own = ownDeployments()): string | undefined => {
  if ([stages, own].some((named) => Object.hasOwn(named, stage)) || isPreview(stage)) return undefined;
  const shared = [...Object.keys(stages), ...Object.keys(own).filter((name) => own[name]?.isProtected)];
  return shared.find((name) => name !== "pr-*" && resembles(stage, name));
};

/** Named SettingError so that only its message is printed, without a stack. */
class StageError extends Error {
  override readonly name = "SettingError";
}

/** The compiler finds a wrong name too, but SST builds the program without the compiler. */
const checkNames = (own: ByStage): void => {
  for (const [stage, settings] of Object.entries(own)) {
    if (isPreview(stage)) {
      throw new StageError(
        `Stage ${stage} cannot have settings: in infra/deployments.ts, "pr-*" holds the settings of every preview.`,
      );
    }
    const unknown = Object.keys(settings).find((name) => !known.includes(name));
    if (unknown !== undefined) throw unknownSetting(unknown);
  }
};

const checkDeployment = (given: Record<string, unknown>): Deployment => {
  const parsed = v.safeParse(deploymentSchema, given);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const [name = "settings"] = v.getDotPath(issue)?.split(".") ?? [];
    throw new SettingError(name, issue.message, given[name]);
  }
  const { cognitoUserPoolId, cognitoClientId, monthlyBudget, alarmEmail } = parsed.output;
  if ((cognitoUserPoolId === undefined) !== (cognitoClientId === undefined)) {
    throw new SettingError("cognitoClientId", "must be set together with cognitoUserPoolId", cognitoClientId);
  }
  if (monthlyBudget !== undefined && alarmEmail === undefined) {
    throw new SettingError("alarmEmail", "must be set together with monthlyBudget", alarmEmail);
  }
  return parsed.output;
};

/**
 * Refuses previews in the account of a protected stage. Routes, integrations and saved queries have neither names nor tags,
 * so the previews' role, which runs the code of pull requests, reaches those of every stage in its account.
 */
const checkPreviews = ({ account, github }: Deployment, own: ByStage): void => {
  if (!github?.environments.includes("preview") || github.previewsBesideProtected) return;
  const beside = protectedIn(own).find((stage) => {
    const other = settingsNamed(stage, own).account;
    return account === undefined || other === undefined || account === other;
  });
  if (beside === undefined) return;
  throw new SettingError(
    "github",
    `must not name the environment preview in the account of ${beside}, a protected stage: set different accounts for the two stages, or set previewsBesideProtected to true`,
    undefined,
  );
};

const known: readonly string[] = [...settingNames, ...Object.keys(deploymentSchema.entries)];

const unknownSetting = (name: string): SettingError =>
  new SettingError(name, `is unknown; the settings are ${known.join(", ")}`, undefined);

/** Settings that are neither text nor numbers. The command line gives them as JSON. */
const structured = [
  "vpc",
  "passwordSignIn",
  "isProtected",
  "isRemovable",
  "monitoring",
  "adoptRetained",
  "github",
  "isBounded",
];

const overrides = (json = "{}"): Record<string, unknown> => {
  // Not by valibot's record, which drops names that every object has, such as `constructor`, without a word.
  const given: Record<string, unknown> = JSON.parse(json);
  return Object.fromEntries(
    Object.entries(given).map(([spelling, value]) => {
      const name = known.find((candidate) => [candidate, environmentName(candidate)].includes(spelling));
      if (!name) throw unknownSetting(spelling);
      return [name, structured.includes(name) ? parsed(name, String(value)) : value];
    }),
  );
};

const parsed = (name: string, json: string): unknown => {
  try {
    return JSON.parse(json);
  } catch {
    throw new SettingError(name, "must be JSON", json);
  }
};
