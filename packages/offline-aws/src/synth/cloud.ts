import { createHash, randomBytes } from "node:crypto";

/** The account id of everything offline. */
export const accountId = "000000000000";

/** The id and outputs that AWS would give a new resource, as far as programs read them. */
interface Made {
  readonly id: string;
  readonly state: Record<string, unknown>;
}

type Inputs = Readonly<Record<string, unknown>>;
type Maker = (made: {
  readonly name: string;
  readonly inputs: Inputs;
  readonly region: string;
  readonly arn: (service: string, resource: string) => string;
}) => { readonly id?: string; readonly [output: string]: unknown };

/** The UUID of a text, the same on every machine. */
export const uuidOf = (text: string): string => {
  const hex = stableId(text, 32);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20),
  ].join("-");
};

/** An id that is the same at every evaluation. */
const stableId = (name: string, length: number): string =>
  createHash("sha256").update(name).digest("hex").slice(0, length);

/** The ARN of a table's stream. AWS takes the time at which the stream was enabled. */
export const streamArnOf = (tableArn: string): string => `${tableArn}/stream/2026-01-01T00:00:00.000`;

const byArn = (arn: string) => ({ id: arn, arn });
const globalArn = (resource: string): string => `arn:aws:iam::${accountId}:${resource}`;

/** The outputs by type. The id is by default the physical name. */
const makers: Readonly<Record<string, Maker>> = {
  "aws:apigatewayv2/api:Api": ({ name, region, arn }) => {
    const id = stableId(name, 10);
    return {
      id,
      arn: `arn:aws:apigateway:${region}::/apis/${id}`,
      apiEndpoint: `wss://${id}.execute-api.${region}.amazonaws.com`,
      executionArn: arn("execute-api", id),
    };
  },
  "aws:lambda/function:Function": ({ name, region, arn }) => {
    const functionArn = arn("lambda", `function:${name}`);
    return {
      arn: functionArn,
      invokeArn: `arn:aws:apigateway:${region}:lambda:path/2015-03-31/functions/${functionArn}/invocations`,
      version: "$LATEST",
    };
  },
  "aws:dynamodb/table:Table": ({ name, inputs, arn }) => {
    const tableArn = arn("dynamodb", `table/${name}`);
    return { arn: tableArn, ...(inputs.streamEnabled ? { streamArn: streamArnOf(tableArn) } : {}) };
  },
  "aws:cognito/userPool:UserPool": ({ name, region, arn }) => {
    const id = `${region}_${stableId(name, 9)}`;
    return {
      id,
      arn: arn("cognito-idp", `userpool/${id}`),
      endpoint: `cognito-idp.${region}.amazonaws.com/${id}`,
    };
  },
  "aws:cognito/userPoolClient:UserPoolClient": ({ name }) => ({ id: stableId(name, 26) }),
  "aws:iam/role:Role": ({ name }) => ({ arn: globalArn(`role/${name}`) }),
  "aws:iam/policy:Policy": ({ name }) => byArn(globalArn(`policy/${name}`)),
  "aws:iam/openIdConnectProvider:OpenIdConnectProvider": ({ inputs }) =>
    byArn(globalArn(`oidc-provider/${String(inputs.url).replace("https://", "")}`)),
  "aws:sns/topic:Topic": ({ name, arn }) => byArn(arn("sns", name)),
  "aws:cloudwatch/logGroup:LogGroup": ({ name, arn }) => ({ arn: arn("logs", `log-group:${name}`) }),
  "aws:cloudwatch/eventRule:EventRule": ({ name, arn }) => ({ arn: arn("events", `rule/${name}`) }),
  "aws:cloudwatch/metricAlarm:MetricAlarm": ({ name, arn }) => ({ arn: arn("cloudwatch", `alarm:${name}`) }),
  "aws:sqs/queue:Queue": ({ name, region, arn }) => {
    const url = `https://sqs.${region}.amazonaws.com/${accountId}/${name}`;
    return { id: url, url, arn: arn("sqs", name) };
  },
  "aws:acm/certificate:Certificate": ({ inputs, name, arn }) => ({
    ...byArn(arn("acm", `certificate/${stableId(name, 12)}`)),
    domainValidationOptions: [
      {
        domainName: inputs.domainName,
        resourceRecordName: `_${stableId(name, 12)}.${inputs.domainName}.`,
        resourceRecordType: "CNAME",
        resourceRecordValue: `_${stableId(name, 12)}.acm-validations.aws.`,
      },
    ],
  }),
  "aws:apigatewayv2/domainName:DomainName": ({ inputs, name, region }) => ({
    id: String(inputs.domainName),
    domainNameConfiguration: {
      ...(typeof inputs.domainNameConfiguration === "object" ? inputs.domainNameConfiguration : {}),
      targetDomainName: `d-${stableId(name, 10)}.execute-api.${region}.amazonaws.com`,
      hostedZoneId: "Z1UJRXOUMOOFQ8",
    },
  }),
  "random:index/randomPassword:RandomPassword": ({ inputs: { length = 32 } }) => ({
    id: "none",
    result: randomBytes(Number(length)).toString("hex").slice(0, Number(length)),
  }),
  "random:index/randomBytes:RandomBytes": ({ inputs: { length = 32 } }) => {
    const bytes = randomBytes(Number(length));
    return { id: bytes.toString("base64"), base64: bytes.toString("base64"), hex: bytes.toString("hex") };
  },
};

/** Creates a resource's outputs. Its physical name is its `name` input, or else its logical name. */
export const make = (type: string, logicalName: string, inputs: Inputs, region: string): Made => {
  const name = typeof inputs.name === "string" ? inputs.name : logicalName;
  const service = type.split(/[:/]/)[1] ?? "";
  const arn = (of: string, resource: string) => `arn:aws:${of}:${region}:${accountId}:${resource}`;
  const { id = name, ...outputs } = makers[type]?.({ name, inputs, region, arn }) ?? {
    id: stableId(`${type}/${logicalName}`, 10),
    arn: arn(service, name),
  };
  return { id, state: { ...inputs, name, ...outputs } };
};

/** Answers a program's look-up (`aws.getRegion()` and others). An unknown look-up returns its inputs. */
export const lookUp = (token: string, inputs: Inputs, region: string): Record<string, unknown> => {
  switch (token) {
    case "aws:index/getCallerIdentity:getCallerIdentity":
      return { accountId, arn: `arn:aws:iam::${accountId}:root`, userId: accountId, id: accountId };
    case "aws:index/getRegion:getRegion":
      return { name: region, id: region, endpoint: `ec2.${region}.amazonaws.com`, description: region };
    case "aws:index/getPartition:getPartition":
      return { partition: "aws", dnsSuffix: "amazonaws.com", reverseDnsPrefix: "com.amazonaws", id: "aws" };
    case "aws:iam/getPolicyDocument:getPolicyDocument":
      // SST reads `statements` back: without them every role would come out empty.
      return { ...inputs, json: policyDocument(inputs.statements), id: "policy" };
    default:
      return { ...inputs };
  }
};

interface Statement {
  readonly sid?: string;
  readonly effect?: string;
  readonly actions?: readonly string[];
  readonly resources?: readonly string[];
  readonly principals?: readonly { readonly type: string; readonly identifiers: readonly string[] }[];
}

const policyDocument = (statements: unknown): string =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: (Array.isArray(statements) ? statements : []).map(
      ({ sid, effect = "Allow", actions, resources, principals }: Statement) => ({
        ...(sid ? { Sid: sid } : {}),
        Effect: effect,
        ...(principals
          ? { Principal: Object.fromEntries(principals.map(({ type, identifiers }) => [type, identifiers])) }
          : {}),
        Action: actions,
        Resource: resources,
      }),
    ),
  });
