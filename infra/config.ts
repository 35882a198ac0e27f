import {
  checkSettings,
  environmentName,
  numeric,
  SettingError,
  type Settings,
  settingNames,
} from "@lectern/core/settings";
import * as v from "valibot";

const listOfIds = "must be a list of ids";
const share = "must be a number from 0 to 1";
const version = "must be a whole number from 1";
const someEnvironments = "needs environments such as staging and preview";

/** What concerns the deployment alone and never reaches a function as a setting. */
export const deploymentSchema = v.object({
  account: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\d{12}$/, "must be an account's 12 digits"),
      v.description("The AWS account of the stage; deploying to any other is refused."),
    ),
  ),
  region: v.pipe(
    v.string(),
    v.regex(/^[a-z]{2}(-[a-z]+)+-\d$/, "must be a region such as us-east-1"),
    v.description("The AWS region of everything."),
  ),
  vpc: v.optional(
    v.pipe(
      v.strictObject(
        { privateSubnets: v.array(v.string(), listOfIds), securityGroups: v.array(v.string(), listOfIds) },
        "must have privateSubnets and securityGroups, and nothing else",
      ),
      v.description(
        "An existing VPC for the functions. It needs a NAT: API Gateway and Cognito are reached over the internet.",
      ),
    ),
  ),
  cognitoUserPoolId: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[a-z]{2}-(gov-)?[a-z]+-\d_[a-zA-Z0-9]+$/, "must be a pool's id such as us-east-1_AbCdEf123"),
      v.description("An existing user pool instead of the app's own; set together with cognitoClientId."),
    ),
  ),
  cognitoClientId: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\w+$/, "must be an app client's id"),
      v.description("The app client of the existing user pool."),
    ),
  ),
  passwordSignIn: v.pipe(
    v.boolean("must be true or false"),
    v.description(
      "Whether speakers may sign in by password alone (USER_PASSWORD_AUTH), as scripts do; SRP works always.",
    ),
  ),
  domain: v.optional(
    v.pipe(
      v.string(),
      v.domain("must be a domain name such as live.example.com"),
      v.description(
        "A name for the API, in a Route 53 zone of the account. Clients then connect to `wss://<domain>`, without `/prod`.",
      ),
    ),
  ),
  alarmEmail: v.optional(
    v.pipe(v.string(), v.email("must be an e-mail address"), v.description("Gets every alarm.")),
  ),
  logLevel: v.pipe(
    v.picklist(["DEBUG", "INFO", "WARN", "ERROR"], "must be DEBUG, INFO, WARN or ERROR"),
    v.description("The least that the functions' own log lines are about: DEBUG, INFO, WARN or ERROR."),
  ),
  heartbeatLogSampling: v.pipe(
    numeric(share),
    v.minValue(0, share),
    v.maxValue(1, share),
    v.description("The share of good heartbeats that are logged and timed, from 0 to 1."),
  ),
  monthlyBudget: v.optional(
    v.pipe(
      numeric("must be a number of dollars"),
      v.gtValue(0, "must be more than 0"),
      v.description(
        "Dollars a month that the whole account may cost, whatever else is in it. A budget writes to `alarmEmail` when 80 % are spent, and when all of it is going to be. Needs `alarmEmail`.",
      ),
    ),
  ),
  isProtected: v.pipe(
    v.boolean("must be true or false"),
    v.description(
      "Whether the stage refuses to be removed, its tables and user pool are kept, and its tables are backed up.",
    ),
  ),
  isRemovable: v.pipe(
    v.boolean("must be true or false"),
    v.description(
      "Whether a protected stage may be removed all the same; its tables and user pool are kept even so. For one removal.",
    ),
  ),
  adoptRetained: v.pipe(
    v.boolean("must be true or false"),
    v.description(
      "Whether to take over the tables that an earlier removal of the stage retained, instead of making them; for one deployment.",
    ),
  ),
  signingKeyVersion: v.pipe(
    numeric(version),
    v.integer(version),
    v.minValue(1, version),
    v.description("Raised by one, it has the key made anew that signs tickets and hides addresses."),
  ),
  github: v.optional(
    v.pipe(
      v.strictObject(
        {
          repository: v.pipe(
            v.string(),
            v.regex(
              /^[\w.-]+(@\d+\/[\w.-]+@\d+|\/[\w.-]+)$/,
              "needs a repository as GitHub's tokens name it: owner@id/name@id, or owner/name where it was made before 15 July 2026",
            ),
          ),
          environments: v.pipe(
            v.array(v.pipe(v.string(), v.regex(/^[a-z][a-z0-9-]*$/, someEnvironments)), someEnvironments),
            v.minLength(1, someEnvironments),
          ),
          createsProvider: v.optional(v.boolean("needs a createsProvider of true or false"), false),
        },
        "must have repository and environments, and nothing else but createsProvider",
      ),
      v.description(
        "The repository whose workflows deploy, and the GitHub environments that this stage makes IAM roles for: a stage's name, or `preview` for every `pr-N`. `createsProvider` on the one stage of an account that makes it trust GitHub's tokens.",
      ),
    ),
  ),
  isBounded: v.optional(
    v.pipe(
      v.boolean("must be true or false"),
      v.description(
        "Whether the functions' roles are made under the account's policy `lectern-boundary-<environment>`: GitHub's workflows may make no others. True by itself on a stage whose `github` names it; set it on `pr-*`.",
      ),
    ),
  ),
});

type Deployment = v.InferOutput<typeof deploymentSchema>;

export type StageSettings = Settings & Deployment;

/** What stages have otherwise than the defaults, by stage. */
type ByStage = Readonly<Record<string, Partial<StageSettings>>>;

const defaults = {
  region: "us-east-1",
  isProtected: false,
  isRemovable: false,
  passwordSignIn: true,
  adoptRetained: false,
  signingKeyVersion: 1,
  logLevel: "INFO",
  heartbeatLogSampling: 1,
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
  rateLimitSessionsPerHour: 50,
  rateLimitListenerJoinsPerMin: 10,
  rateLimitConnectionAttemptsPerMin: 20,
  rateLimitHeartbeatsPerMin: 2,
} satisfies Partial<StageSettings>;

/** What a stage has otherwise than the defaults, `pr-*` standing for every preview. Any other stage is a developer's. */
const stages: ByStage = {
  staging: { heartbeatLogSampling: 0.01 },
  prod: { isProtected: true, passwordSignIn: false, heartbeatLogSampling: 0.01 },
};

/**
 * Yours: account, region, addresses and names, and whatever else your stages are to have otherwise. The project's tests and
 * documents hold whoever deploys it, so they leave this out.
 */
const deployments: ByStage = {};

/** Set to anything, it leaves out what is somebody's own. */
export const projectOnlyVariable = "LECTERN_PROJECT_ONLY";

/** Settings given on the command line of the local stack, as JSON; a deployment has none. */
const overridesVariable = "OFFLINE_AWS_SETTINGS";

/** What is somebody's own, unless it is to be left out. */
const ownDeployments = (): ByStage => (process.env[projectOnlyVariable] ? {} : deployments);

/**
 * A stage's settings, checked.
 * @throws {SettingError} naming the first setting that is wrong, and why
 */
export const settingsFor = (stage: string, own = ownDeployments()): StageSettings => {
  checkNames(own);
  const given = {
    ...defaults,
    ...settingsNamed(isPreview(stage) ? "pr-*" : stage, own),
    ...overrides(process.env[overridesVariable]),
  };
  return { ...checkSettings(given), ...checkDeployment(given) };
};

const settingsNamed = (name: string, own = ownDeployments()): Partial<StageSettings> => ({
  ...stages[name],
  ...own[name],
});

/** Whether a stage is a pull request's. */
export const isPreview = (stage: string): boolean => /^pr-\d+$/.test(stage);

/** The stages that nobody may touch but who deploys them. */
export const protectedStages = [
  ...new Set([...Object.keys(stages), ...Object.keys(ownDeployments())]),
].filter((stage) => settingsNamed(stage).isProtected);

/** Has the name by which an error is known that needs no stack. */
class StageError extends Error {
  override readonly name = "SettingError";
}

/** The compiler finds a wrong name too, but SST builds the program without asking it. */
const checkNames = (own: ByStage): void => {
  for (const [stage, settings] of Object.entries(own)) {
    if (isPreview(stage)) {
      throw new StageError(
        `Stage ${stage} has no settings of its own: in deployments of infra/config.ts, "pr-*" has those of every preview.`,
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

const known: readonly string[] = [...settingNames, ...Object.keys(deploymentSchema.entries)];

const unknownSetting = (name: string): SettingError =>
  new SettingError(name, `is unknown; the settings are ${known.join(", ")}`, undefined);

/** Those that are neither text nor a number are given as JSON. */
const structured = [
  "vpc",
  "passwordSignIn",
  "isProtected",
  "isRemovable",
  "adoptRetained",
  "github",
  "isBounded",
];

const overrides = (json = "{}"): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(v.parse(v.record(v.string(), v.string()), JSON.parse(json))).map(([given, value]) => {
      const name = known.find((candidate) => candidate === given || environmentName(candidate) === given);
      if (!name) throw unknownSetting(given);
      return [name, structured.includes(name) ? parsed(name, value) : value];
    }),
  );

const parsed = (name: string, json: string): unknown => {
  try {
    return JSON.parse(json);
  } catch {
    throw new SettingError(name, "must be JSON", json);
  }
};
