import { numeric, type Settings } from "@lectern/core/settings";
import * as v from "valibot";

const trueOrFalse = v.boolean("must be true or false");
const listOfIds = v.array(v.string(), "must be a list of ids");
const share = "must be a number from 0 to 1";
const version = "must be a whole number from 1";
const environments = "must be a whole number from 0";
const someEnvironments = "needs environments such as staging and preview";

/**
 * The settings of a deployment. The functions' settings are in core.
 * The descriptions and messages are the source of docs/environment-variables.md.
 */
export const deploymentSchema = v.object({
  account: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\d{12}$/, "must be an account's 12 digits"),
      v.description("The AWS account of the stage. A deployment to any other account is refused."),
    ),
  ),
  region: v.pipe(
    v.string(),
    v.regex(/^[a-z]{2}(-[a-z]+)+-\d$/, "must be a region such as us-east-1"),
    v.description("The AWS region of the stage."),
  ),
  vpc: v.optional(
    v.pipe(
      v.strictObject(
        { privateSubnets: listOfIds, securityGroups: listOfIds },
        "must have privateSubnets and securityGroups, and nothing else",
      ),
      v.description(
        "An existing VPC for the functions. It needs a NAT, because API Gateway and Cognito are reached over the internet.",
      ),
    ),
  ),
  cognitoUserPoolId: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[a-z]{2}-(gov-)?[a-z]+-\d_[a-zA-Z0-9]+$/, "must be a pool's id such as us-east-1_AbCdEf123"),
      v.description("An existing user pool, used instead of a new one. Needs `cognitoClientId`."),
    ),
  ),
  cognitoClientId: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\w+$/, "must be an app client's id"),
      v.description("The app client in the existing user pool."),
    ),
  ),
  passwordSignIn: v.pipe(
    trueOrFalse,
    v.description(
      "Whether speakers may sign in with a password alone (`USER_PASSWORD_AUTH`), as scripts do. SRP always works.",
    ),
  ),
  domain: v.optional(
    v.pipe(
      v.string(),
      v.domain("must be a domain name such as live.example.com"),
      v.description(
        "A domain name for the API, in a Route 53 zone of the account. Clients then connect to `wss://<domain>`, without `/prod`.",
      ),
    ),
  ),
  alarmEmail: v.optional(
    v.pipe(v.string(), v.email("must be an e-mail address"), v.description("Receives every alarm.")),
  ),
  monitoring: v.pipe(
    trueOrFalse,
    v.description(
      "Whether the stage has alarms with their topic, a dashboard, a saved query and custom metrics. Every stage has logs.",
    ),
  ),
  logLevel: v.pipe(
    v.picklist(["DEBUG", "INFO", "WARN", "ERROR"], "must be DEBUG, INFO, WARN or ERROR"),
    v.description("The lowest level that the functions log: DEBUG, INFO, WARN or ERROR."),
  ),
  heartbeatLogSampling: v.pipe(
    numeric(share),
    v.minValue(0, share),
    v.maxValue(1, share),
    v.description("The share of successful heartbeats that are logged and timed, from 0 to 1."),
  ),
  provisionedConcurrency: v.pipe(
    numeric(environments),
    v.integer(environments),
    v.minValue(0, environments),
    v.description(
      "Environments kept warm for each of `session-authorizer`, `session-connection-handler` and `session-welcome`; together one of each costs 5.50 dollars a month.",
    ),
  ),
  monthlyBudget: v.optional(
    v.pipe(
      numeric("must be a number of dollars"),
      v.gtValue(0, "must be more than 0"),
      v.description(
        "The budget of the whole account in dollars a month. `alarmEmail`, which it needs, gets a mail at 80 % and when the forecast exceeds 100 %.",
      ),
    ),
  ),
  isProtected: v.pipe(
    trueOrFalse,
    v.description(
      "Whether the stage refuses removal, keeps its tables and user pool, and has its tables backed up.",
    ),
  ),
  isRemovable: v.pipe(
    trueOrFalse,
    v.description(
      "Allows the removal of a protected stage; its tables and user pool stay. Set it for one removal only.",
    ),
  ),
  adoptRetained: v.pipe(
    trueOrFalse,
    v.description(
      "Whether to import the tables that an earlier removal kept, instead of creating them. Set it for one deployment only.",
    ),
  ),
  signingKeyVersion: v.pipe(
    numeric(version),
    v.integer(version),
    v.minValue(1, version),
    v.description("Raise it by one to replace the key that signs tickets and hashes addresses."),
  ),
  github: v.optional(
    v.pipe(
      v.strictObject(
        {
          repository: v.pipe(
            v.string(),
            v.regex(
              /^[\w.-]+(@\d+\/[\w.-]+@\d+|\/[\w.-]+)$/,
              "needs a repository as GitHub's tokens name it: owner@id/name@id, or owner/name if it was created before 15 July 2026",
            ),
          ),
          environments: v.pipe(
            v.array(v.pipe(v.string(), v.regex(/^[a-z][a-z0-9-]*$/, someEnvironments)), someEnvironments),
            v.minLength(1, someEnvironments),
          ),
          createsProvider: v.optional(v.boolean("needs a createsProvider of true or false"), false),
          previewsBesideProtected: v.optional(v.boolean("needs a previewsBesideProtected of true or false")),
        },
        "must have repository and environments, and nothing else but createsProvider and previewsBesideProtected",
      ),
      v.description(
        "The repository that deploys, and the GitHub environments that this stage makes roles for. `createsProvider`, on one stage of an account, makes the account trust GitHub's tokens. `previewsBesideProtected` allows previews in the account of a protected stage.",
      ),
    ),
  ),
  isBounded: v.optional(
    v.pipe(
      trueOrFalse,
      v.description(
        "Whether the policy `lectern-boundary-<environment>` bounds the functions' roles, as pipelines need. Set it on `pr-*`; a stage that its own `github` names is always bounded.",
      ),
    ),
  ),
});

export type Deployment = v.InferOutput<typeof deploymentSchema>;

export type StageSettings = Settings & Deployment;

/** By stage, the settings that differ from the defaults. `pr-*` stands for every preview. */
export type ByStage = Readonly<Record<string, Partial<StageSettings>>>;
