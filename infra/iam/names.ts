/** The stages that a policy is for. */
export interface Place {
  /** A stage's name, or `pr-*` for every preview. */
  readonly stage: string;
  /** The account's 12 digits. */
  readonly account: string;
  readonly region: string;
}

export const app = "lectern";

/** The issuer that signs the tokens of GitHub's workflows. */
export const githubIssuer = "token.actions.githubusercontent.com";

export const githubProviderArn = (account: string): string =>
  `arn:aws:iam::${account}:oidc-provider/${githubIssuer}`;

const tables = ["Sessions", "Connections", "RateLimits"];

/** Makes ARNs of one account and region. */
export const arnIn =
  ({ account, region }: Omit<Place, "stage">) =>
  (service: string, resource: string): string =>
    `arn:aws:${service}:${region}:${account}:${resource}`;

/** The ARNs of a region's API Gateway by their paths. They name no account. */
export const gatewayIn =
  ({ region }: Pick<Place, "region">) =>
  (...paths: readonly string[]): readonly string[] =>
    paths.map((path) => `arn:aws:apigateway:${region}::${path}`);

/** Where the code of a stage's functions lies in SST's bucket. All apps and stages of an account share the bucket. */
export const assetsOf = (stage: string): string => `assets/${app}/${stage}/`;

/** The ARNs of a stage's resources that have fixed names. */
export const namesOf = ({ stage, account, region }: Place) => {
  const arn = arnIn({ account, region });
  const functionGroup = `/aws/lambda/session-*-${stage}`;
  const groups = [functionGroup, `/aws/vendedlogs/apis/${app}-${stage}-*`];
  return {
    tables: tables.map((table) => arn("dynamodb", `table/${table}-${stage}`)),
    // The second: their versions and aliases.
    functions: ["", ":*"].map((qualifier) => arn("lambda", `function:session-*-${stage}${qualifier}`)),
    // Some calls name a group with `:*` at its end, some without.
    logGroups: groups.flatMap((group) => [
      arn("logs", `log-group:${group}`),
      arn("logs", `log-group:${group}:*`),
    ]),
    roles: [`arn:aws:iam::${account}:role/${app}-${stage}-*`],
    topics: [arn("sns", `session-management-alarms-${stage}`)],
    queues: [arn("sqs", `${app}-*-${stage}`)],
    rules: [arn("events", `rule/${app}-${stage}-*`)],
    alarms: [arn("cloudwatch", `alarm:${app}-*-${stage}`)],
    dashboards: [`arn:aws:cloudwatch::${account}:dashboard/${app}-${stage}`],
    budgets: [`arn:aws:budgets::${account}:budget/${app}-${stage}`],
    passphrases: [arn("ssm", `parameter/sst/passphrase/${app}/${stage}`)],
    state: [
      `arn:aws:s3:::sst-state-*/*/${app}/${stage}.json`,
      `arn:aws:s3:::sst-state-*/*/${app}/${stage}/*`,
    ],
    assets: [`arn:aws:s3:::sst-asset-*/${assetsOf(stage)}*`],
    // SST keeps source maps apart from the code, under the ARN of the function's log group.
    sourcemaps: [`arn:aws:s3:::sst-asset-*/sourcemap/${arn("logs", `log-group:${functionGroup}`)}/*`],
  };
};
