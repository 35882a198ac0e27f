import { environmentName, settingNames } from "@lectern/core/settings";
import { retentionFor } from "./retention";
import { named, settings } from "./stage";
import { connections, rateLimits, sessions } from "./storage";

type Args = ConstructorParameters<typeof sst.aws.Function>[1];

interface FunctionArgs extends Pick<Args, "handler" | "memory" | "timeout" | "link"> {
  readonly environment?: Record<string, $util.Input<string>>;
  readonly permissions?: { readonly actions: string[]; readonly resources: $util.Input<string>[] }[];
}

const account = aws.getCallerIdentityOutput().accountId;

/**
 * One of the app's functions, by its physical name without the stage. Its role may do what `permissions` say, and write
 * to its own log group; it cannot make one, so that a removed group stays removed.
 */
export const lambda = (component: string, name: string, args: FunctionArgs) => {
  const { environment = {}, permissions = [], ...rest } = args;
  const physical = named(name);
  return new sst.aws.Function(component, {
    ...rest,
    name: physical,
    runtime: "nodejs22.x",
    architecture: "arm64",
    nodejs: { minify: true, esbuild: { external: unusedCredentialProviders } },
    ...(settings.vpc ? { vpc: settings.vpc } : {}),
    logging: { format: "json", retention: retentionFor(settings.dataRetentionHours) },
    environment: {
      ENV: $app.stage,
      REGION: settings.region,
      SESSIONS_TABLE: sessions.name,
      CONNECTIONS_TABLE: connections.name,
      RATE_LIMITS_TABLE: rateLimits.name,
      POWERTOOLS_SERVICE_NAME: name,
      POWERTOOLS_LOG_LEVEL: settings.logLevel,
      ...Object.fromEntries(
        settingNames.map((setting) => [environmentName(setting), `${settings[setting]}`]),
      ),
      ...environment,
    },
    permissions: [
      ...permissions,
      ...(settings.vpc ? [networkInterfaces] : []),
      {
        actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
        resources: [
          $interpolate`arn:aws:logs:${settings.region}:${account}:log-group:/aws/lambda/${physical}:*`,
        ],
      },
    ],
    transform: {
      function: (fn) => {
        // Lambda's own lines for each invocation would cost more than the invocation; ours say what they say.
        fn.loggingConfig = $output(fn.loggingConfig).apply((given) => ({
          ...given,
          logFormat: "JSON",
          // Never above INFO, which lines without a level count as: with them the metrics would be dropped. What is not to be
          // written by `logLevel` the functions leave out themselves.
          applicationLogLevel: settings.logLevel === "DEBUG" ? "DEBUG" : "INFO",
          systemLogLevel: "WARN",
        }));
      },
      role: (role) => {
        // SST attaches AWS's policies for execution, plain or in a VPC: both may create any log group and write to all.
        role.managedPolicyArns = $output(role.managedPolicyArns ?? []).apply((arns) =>
          arns.filter((arn) => !/\/AWSLambda(Basic|VPCAccess)ExecutionRole$/.test(arn)),
        );
        // SST lets the whole account in beside Lambda, as it needs for live debugging: it takes `dev`, a promise, for true.
        if (!$dev) role.assumeRolePolicy = takenOnByLambda;
      },
    },
  });
};

/**
 * The SDK loads these only when the environment holds no credentials. Lambda always sets them, so the bundles leave these
 * modules out: that saves 140 KB of each.
 */
const unusedCredentialProviders = [
  "@aws-sdk/credential-provider-http",
  "@aws-sdk/credential-provider-ini",
  "@aws-sdk/credential-provider-process",
  "@aws-sdk/credential-provider-sso",
  "@aws-sdk/credential-provider-web-identity",
  "@smithy/credential-provider-imds",
];

const takenOnByLambda = aws.iam.assumeRolePolicyForPrincipal({ Service: "lambda.amazonaws.com" });

/** What Lambda needs to place a function into a VPC; EC2 takes these on every resource only. */
const networkInterfaces = {
  actions: [
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
  ],
  resources: ["*"],
};

/** Grants these DynamoDB actions on a table, or on one of its indexes. */
export const on = (table: { readonly arn: $util.Input<string> }, actions: string[], index?: string) => ({
  actions: actions.map((action) => `dynamodb:${action}`),
  resources: [index ? $interpolate`${table.arn}/index/${index}` : table.arn],
});
