import type { IncomingMessage } from "node:http";
import * as v from "valibot";
import { createAuthorize, listed, policyStatement, type Statement } from "../iam.js";
import {
  type AuthorizerContext,
  type Client,
  type Deployment,
  type Refusal,
  type Route,
  refusal,
} from "./api.js";
import { AUTHORIZER_TIMEOUT_SECONDS, describeFailure, invokeWithin } from "./deadline.js";
import { authorizerEvent, methodArnOf, type UpgradeRequest } from "./event.js";

const MAX_RESULT_BYTES = 8 * 1024;

/** The result of a Lambda authorizer for a WebSocket API; AWS allows simple responses only for HTTP APIs. */
const resultSchema = v.object({
  principalId: v.string(),
  policyDocument: v.object({
    Statement: v.union([v.array(policyStatement), v.pipe(policyStatement, v.transform(listed))]),
  }),
  context: v.nullish(v.record(v.string(), v.union([v.string(), v.number(), v.boolean()]))),
});

/** Invokes the authorizer of `$connect`. Returns the context for every later event, or the refusal. */
export const runAuthorizer = async (
  deployment: Deployment,
  authorizer: NonNullable<Route["authorizer"]>,
  client: Client,
  incoming: IncomingMessage,
  request: UpgradeRequest,
  requestId: string,
): Promise<{ readonly context: AuthorizerContext } | { readonly refusal: Refusal }> => {
  const { api, clock } = deployment;
  const missing = authorizer.identitySources.find((source) => !readIdentitySource(source, incoming, request));
  if (missing !== undefined) return refuse(401, `the identity source ${missing} is missing or empty`);

  const startedAt = clock.now();
  const event = authorizerEvent(api, client, request, { now: startedAt, requestId });
  const outcome = await invokeWithin(AUTHORIZER_TIMEOUT_SECONDS, deployment, authorizer.functionName, event);
  if (outcome.kind === "failed" && outcome.errorMessage === "Unauthorized")
    return refuse(401, "the authorizer threw Unauthorized", true);
  if (outcome.kind !== "returned") return refuse(500, `the authorizer ${describeFailure(outcome)}`);

  const result = v.safeParse(resultSchema, outcome.payload);
  if (!result.success) return refuse(500, `the authorizer's result is malformed (${faultOf(result.issues)})`);
  if (Buffer.byteLength(JSON.stringify(outcome.payload)) > MAX_RESULT_BYTES)
    return refuse(500, "the authorizer's result is larger than 8 KB");
  const { principalId, policyDocument, context } = result.output;
  if (!allows(policyDocument.Statement, methodArnOf(api)))
    return refuse(403, "the authorizer's policy does not allow $connect", true);
  return {
    context: {
      ...Object.fromEntries(Object.entries(context ?? {}).map(([key, value]) => [key, String(value)])),
      principalId,
      integrationLatency: clock.now() - startedAt,
    },
  };
};

const refuse = (...fault: Parameters<typeof refusal>) => ({ refusal: refusal(...fault) });

/** Names the field that is wrong, but not its value, which may be a secret. */
const faultOf = ([issue]: readonly v.BaseIssue<unknown>[]): string =>
  (issue && v.getDotPath(issue)) ?? "no object";

const readIdentitySource = (
  source: string,
  incoming: IncomingMessage,
  { query }: UpgradeRequest,
): unknown => {
  const header = source.match(/^route\.request\.header\.(.+)$/)?.[1];
  if (header !== undefined) return incoming.headers[header.toLowerCase()];
  const parameter = source.match(/^route\.request\.querystring\.(.+)$/)?.[1];
  return query.findLast(([name]) => name === parameter)?.[1];
};

/** Evaluates the policy as the role of a caller with one key. */
const allows = (statements: readonly Statement[], methodArn: string): boolean => {
  const authorize = createAuthorize(new Map([["caller", { arn: "", statements }]]));
  return authorize({ accessKeyId: "caller", action: "execute-api:Invoke", resource: methodArn }).allowed;
};
