import { randomBytes } from "node:crypto";
import type { Principal } from "../iam.js";
import type { PlannedFunction } from "../plan/function.js";
import type { Plan } from "../plan/plan.js";
import { accountId } from "../synth/cloud.js";

/** One access key per function: the key stands for the function's role. */
export interface AccessKeys {
  readonly byFunction: ReadonlyMap<string, string>;
  readonly functions: ReadonlyMap<string, string>;
  readonly principals: ReadonlyMap<string, Principal>;
}

export const createAccessKeys = ({ functions }: Pick<Plan, "functions">): AccessKeys => {
  const keyed = functions.map((fn) => ({ fn, id: `ASIA${randomBytes(8).toString("hex").toUpperCase()}` }));
  const principalOf = ({ roleName, name, statements }: PlannedFunction): Principal => ({
    arn: `arn:aws:sts::${accountId}:assumed-role/${roleName}/${name}`,
    statements,
  });
  return {
    byFunction: new Map(keyed.map(({ fn, id }) => [fn.name, id])),
    functions: new Map(keyed.map(({ fn, id }) => [id, fn.name])),
    principals: new Map(keyed.map(({ fn, id }) => [id, principalOf(fn)])),
  };
};

/** Returns a function's environment: its own variables, its links, its credentials, and the stack's endpoints. */
export const environmentsFor =
  (
    { region, webSocketApi }: Plan,
    endpoints: { readonly httpUrl: string; readonly dynamodbEndpoint: string; readonly keys: AccessKeys },
  ) =>
  (fn: PlannedFunction): Record<string, string> => {
    const { httpUrl, dynamodbEndpoint, keys } = endpoints;
    const host = `${webSocketApi?.apiId}.execute-api.${region}.amazonaws.com`;
    const toLocal = (value: string) =>
      value
        .replaceAll(`https://${host}`, httpUrl)
        .replaceAll(`wss://${host}`, httpUrl.replace("http:", "ws:"));
    const links = Object.entries(fn.links).map(
      ([name, link]) => [`SST_RESOURCE_${name}`, JSON.stringify(link)] as const,
    );
    const variables = [...Object.entries(fn.environment), ...links];
    return {
      ...Object.fromEntries(variables.map(([name, value]) => [name, toLocal(value)])),
      ...(fn.applicationLogLevel ? { AWS_LAMBDA_LOG_LEVEL: fn.applicationLogLevel } : {}),
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      AWS_ACCESS_KEY_ID: keys.byFunction.get(fn.name) ?? "",
      AWS_SECRET_ACCESS_KEY: "offline",
      AWS_SESSION_TOKEN: "offline",
      AWS_ENDPOINT_URL: httpUrl,
      AWS_ENDPOINT_URL_DYNAMODB: dynamodbEndpoint,
      AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: httpUrl,
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
    };
  };
