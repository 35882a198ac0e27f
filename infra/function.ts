import { environmentName, settingNames } from "@lectern/core/settings";
import { type Component, type Definition, functions, runtime } from "./functions";
import { networkInterfaceActions } from "./iam/boundary";
import { assetsOf } from "./iam/names";
import { retentionFor } from "./retention";
import { named, settings } from "./stage";
import { connections, rateLimits, sessions } from "./storage";

type Args = ConstructorParameters<typeof sst.aws.Function>[1];

interface FunctionArgs extends Pick<Args, "link"> {
  readonly environment?: Record<string, $util.Input<string>>;
  readonly permissions?: { readonly actions: string[]; readonly resources: $util.Input<string>[] }[];
}

const account = aws.getCallerIdentityOutput().accountId;

// SST's keys name no stage, so a pipeline that may write its own code could replace another stage's. Source maps are under
// the function's name already.
$transform(aws.s3.BucketObjectv2, (object) => {
  object.key = $output(object.key ?? "").apply((key) => key.replace(/^assets\//, assetsOf($app.stage)));
});

/**
 * One function of the list in functions.ts. Its role has `permissions`, and may write to the function's log group.
 * The role cannot create log groups, so a removed group stays removed.
 * Returns the ARN for routes, and `mappedAs` for a stream's mapping.
 */
export const lambda = (component: Component, args: FunctionArgs) => {
  const { environment = {}, permissions = [], ...rest } = args;
  const { name, handler, memory, timeout, retries, isProvisioned }: Definition = functions[component];
  // A live function's code runs on the laptop, so there is nothing to keep warm.
  const provisioned = isProvisioned && !$dev ? settings.provisionedConcurrency : 0;
  const physical = named(name);
  const created = new sst.aws.Function(component, {
    ...rest,
    handler: `packages/functions/src/handler/${handler}.handler`,
    memory,
    timeout,
    ...(retries === undefined ? {} : { retries }),
    ...(provisioned > 0 ? { versioning: true } : {}),
    name: physical,
    architecture: "arm64",
    nodejs: { minify: true, esbuild: { external: unusedCredentialProviders } },
    ...(settings.vpc ? { vpc: settings.vpc } : {}),
    logging: { format: $dev ? "text" : "json", retention: retentionFor(settings.dataRetentionHours) },
    environment: {
      ENV: $app.stage,
      REGION: settings.region,
      SESSIONS_TABLE: sessions.name,
      CONNECTIONS_TABLE: connections.name,
      RATE_LIMITS_TABLE: rateLimits.name,
      POWERTOOLS_SERVICE_NAME: name,
      POWERTOOLS_LOG_LEVEL: settings.logLevel,
      ...(settings.monitoring ? {} : { POWERTOOLS_METRICS_DISABLED: "true" }),
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
        // Live mode's stubs run on a custom runtime, and print text. Their functions' lines stay on the laptop.
        if ($dev) return;
        // Not by SST's argument, whose type allows only the runtimes that SST knows. SST builds for each Node.js alike.
        fn.runtime = runtime;
        // Lambda's own lines would cost more than the invocation that they report, and our lines have the same facts.
        fn.loggingConfig = $output(fn.loggingConfig).apply((given) => ({
          ...given,
          logFormat: "JSON",
          // Never above INFO. Lambda takes a line without a level, such as a metric's, for INFO, and would drop it.
          // The functions themselves leave out the lines below `logLevel`.
          applicationLogLevel: settings.logLevel === "DEBUG" ? "DEBUG" : "INFO",
          systemLogLevel: "WARN",
        }));
      },
      role: (role) => {
        // SST attaches AWS's execution policies. They allow creating any log group and writing to all of them.
        role.managedPolicyArns = $output(role.managedPolicyArns ?? []).apply((arns) =>
          arns.filter((arn) => !/\/AWSLambda(Basic|VPCAccess)ExecutionRole$/.test(arn)),
        );
        // SST also lets the whole account assume the role, for live debugging: it tests `dev`, a promise, which is always true.
        if (!$dev) role.assumeRolePolicy = assumedByLambda;
      },
    },
  });
  logGroups.push(created.nodes.logGroup);
  if (provisioned === 0) return { arn: created.arn, mappedAs: created.name };
  const arn = warm(component, created, provisioned);
  return { arn, mappedAs: arn };
};

/** The alias that all callers of a warm function use. */
const alias = "live";

// SST gives routes and the authorizer the alias's ARN. The permission must be the alias's too, and the provider reads it
// back as function and qualifier: with the whole ARN it would be replaced after each refresh.
$transform(aws.lambda.Permission, (permission) => {
  const given = $output(permission.function).apply((fn) => String(fn));
  const isAlias = (fn: string) => fn.endsWith(`:${alias}`);
  permission.function = given.apply((fn) => (isAlias(fn) ? fn.slice(0, -alias.length - 1) : fn));
  // Pulumi leaves out an undefined output, but its types know none.
  permission.qualifier = given.apply((fn) => (isAlias(fn) ? alias : undefined)) as $util.Output<string>;
});

/**
 * Keeps environments of a function's latest version warm. Returns the ARN of an alias, because provisioned concurrency
 * serves only a version or an alias. SST's own argument takes the version, and its routes would never invoke it.
 */
const warm = (component: Component, fn: sst.aws.Function, count: number) => {
  const { name, version } = fn.nodes.function;
  const live = new aws.lambda.Alias(`${component}Live`, {
    name: alias,
    functionName: name,
    functionVersion: version,
  });
  new aws.lambda.ProvisionedConcurrencyConfig(`${component}Warm`, {
    functionName: name,
    qualifier: live.name,
    provisionedConcurrentExecutions: count,
  });
  return $interpolate`${fn.arn}:${live.name}`;
};

/** The log groups of the functions declared so far. */
export const logGroups: sst.aws.Function["nodes"]["logGroup"][] = [];

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

const assumedByLambda = aws.iam.assumeRolePolicyForPrincipal({ Service: "lambda.amazonaws.com" });

/** EC2 allows these actions on every resource only. */
const networkInterfaces = { actions: [...networkInterfaceActions], resources: ["*"] };

/** Grants these DynamoDB actions on a table, or on one of its indexes. */
export const on = (table: { readonly arn: $util.Input<string> }, actions: string[], index?: string) => ({
  actions: actions.map((action) => `dynamodb:${action}`),
  resources: [index ? $interpolate`${table.arn}/index/${index}` : table.arn],
});
