import { isPreview, protectedStages, settingsFor } from "../settings";
import { settings } from "../stage";
import { functionBoundary } from "./boundary";
import { deployerPolicy } from "./deployer";
import { githubIssuer, githubProviderArn } from "./names";
import { inParts, policyArn } from "./policy";

const { accountId: account } = await aws.getCallerIdentity();

/** The GitHub environment that a stage is deployed from. */
const environmentOf = (stage: string): string => (isPreview(stage) ? "preview" : stage);

/** The stages that a GitHub environment deploys, as a pattern for IAM. */
const stagesOf = (environment: string): string => (environment === "preview" ? "pr-*" : environment);

/** The settings of the stages that a GitHub environment deploys. Another stage may create the environment's role. */
const settingsOf = (environment: string) => settingsFor(environment === "preview" ? "pr-0" : environment);

const boundaryName = (environment: string): string => `lectern-boundary-${environment}`;

/** `preview` → `Preview`, `prod-west` → `ProdWest` */
const componentName = (environment: string): string =>
  environment.replace(/(^|-)([a-z0-9])/g, (_, _dash, first: string) => first.toUpperCase());

const boundaryFor = (environment: string) => {
  const { region, vpc } = settingsOf(environment);
  return new aws.iam.Policy(`${componentName(environment)}Boundary`, {
    name: boundaryName(environment),
    description: "The most rights that a role of these stages' functions can have.",
    policy: JSON.stringify(
      functionBoundary({ stage: stagesOf(environment), account, region }, vpc !== undefined),
    ),
  });
};

/** Only a job of this repository may assume the role, and only if GitHub let it into this environment. */
const trust = (provider: $util.Input<string>, repository: string, environment: string) =>
  $jsonStringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { Federated: provider },
        Action: "sts:AssumeRoleWithWebIdentity",
        Condition: {
          StringEquals: {
            [`${githubIssuer}:aud`]: "sts.amazonaws.com",
            [`${githubIssuer}:sub`]: `repo:${repository}:environment:${environment}`,
          },
        },
      },
    ],
  });

const roleFor = (environment: string, repository: string, provider: $util.Input<string>) => {
  const name = `lectern-deploy-${environment}`;
  const { region, domain, cognitoUserPoolId } = settingsOf(environment);
  const policy = deployerPolicy({
    stage: stagesOf(environment),
    account,
    region,
    domain,
    userPoolId: cognitoUserPoolId,
    bounds: {
      boundary: boundaryName(environment),
      never: protectedStages.filter((stage) => stage !== environment),
    },
  });
  const policies = inParts(policy).map(
    (part, index) =>
      new aws.iam.Policy(`${componentName(environment)}Deployer${index + 1}`, {
        name: `${name}-${index + 1}`,
        description: "The rights that GitHub's workflows need to deploy these stages.",
        policy: JSON.stringify(part),
      }),
  );
  return new aws.iam.Role(`${componentName(environment)}Deployer`, {
    name,
    description: `Assumed by the workflows of ${repository} in the environment ${environment}.`,
    assumeRolePolicy: trust(provider, repository, environment),
    maxSessionDuration: 3_600,
    managedPolicyArns: policies.map(({ arn }) => arn),
  });
};

/** An account has one provider per issuer, so one stage creates it and the others look it up. */
const providerFor = async (isOurs: boolean): Promise<$util.Input<string>> => {
  if (isOurs) {
    return new aws.iam.OpenIdConnectProvider("GitHub", {
      url: `https://${githubIssuer}`,
      clientIdLists: ["sts.amazonaws.com"],
    }).arn;
  }
  return (await aws.iam.getOpenIdConnectProvider({ arn: githubProviderArn(account) })).arn;
};

const { repository = "", environments = [], createsProvider = false } = settings.github ?? {};

const boundaries = new Map(environments.map((environment) => [environment, boundaryFor(environment)]));

const provider = settings.github && (await providerFor(createsProvider));

/** The roles' ARNs by GitHub environment. Undefined if the stage creates none. */
export const githubRoles =
  provider &&
  Object.fromEntries(
    environments.map((environment) => [environment, roleFor(environment, repository, provider).arn]),
  );

const own = environmentOf($app.stage);
const ownBoundary =
  boundaries.get(own)?.arn ?? (settings.isBounded ? policyArn(account, boundaryName(own)) : undefined);

// Every later role is a function's, except the account's role that lets API Gateway write logs.
if (ownBoundary) {
  $transform(aws.iam.Role, (role, _, name) => {
    if (name !== "APIGatewayPushToCloudWatchLogsRole") role.permissionsBoundary = ownBoundary;
  });
}
