import type { IncomingMessage } from "node:http";
import * as v from "valibot";
import { createAuthorize } from "../iam.js";
import type { AuthorizerContext, Client, Deployment, Refusal, Route } from "./api.js";
import { AUTHORIZER_TIMEOUT_SECONDS, describeFailure, withDeadline } from "./deadline.js";
import { authorizerEvent, methodArnOf } from "./event.js";
import type { UpgradeRequest } from "./upgrade-request.js";

const MAX_RESULT_BYTES = 8 * 1024;

const oneOrMore = v.union([
  v.pipe(
    v.string(),
    v.transform((one) => [one]),
  ),
  v.array(v.string()),
]);
const statement = v.object({ Effect: v.picklist(["Allow", "Deny"]), Action: oneOrMore, Resource: oneOrMore });

/** The result of a Lambda authorizer for a WebSocket API. Simple responses are for HTTP APIs only. */
const resultSchema = v.object({
  principalId: v.string(),
  policyDocument: v.object({
    Statement: v.union([
      v.array(statement),
      v.pipe(
        statement,
        v.transform((one) => [one]),
      ),
    ]),
  }),
  context: v.nullish(v.record(v.string(), v.union([v.string(), v.number(), v.boolean()]))),
});

/** Asks the authorizer of `$connect`: the context for every later event, or the refusal. */
export const runAuthorizer = async (
  { api, clock, invoke }: Deployment,
  authorizer: NonNullable<Route["authorizer"]>,
  client: Client,
  incoming: IncomingMessage,
  request: UpgradeRequest,
  requestId: string,
): Promise<{ readonly context: AuthorizerContext } | { readonly refusal: Refusal }> => {
  const missing = authorizer.identitySources.find((source) => !readIdentitySource(source, incoming, request));
  if (missing !== undefined) return refuse(401, `the identity source ${missing} is missing or empty`);

  const startedAt = clock.now();
  const event = authorizerEvent(api, client, request, { now: startedAt, requestId });
  const outcome = await withDeadline(clock, AUTHORIZER_TIMEOUT_SECONDS, (onRun) =>
    invoke(authorizer.functionName, event, onRun),
  );
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

const refuse = (status: number, reason: string, byFunction = false): { readonly refusal: Refusal } => ({
  refusal: byFunction ? { status, reason, byFunction } : { status, reason },
});

/** The path of the wrong field, without its value, which may be a secret. */
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

/** Evaluates the policy as that of a role whose caller has one key. */
const allows = (statements: readonly v.InferOutput<typeof statement>[], methodArn: string): boolean => {
  const principal = {
    arn: "",
    statements: statements.map(({ Effect, Action, Resource }) => ({
      effect: Effect,
      actions: Action,
      resources: Resource,
    })),
  };
  const authorize = createAuthorize(new Map([["caller", principal]]));
  return authorize({ accessKeyId: "caller", action: "execute-api:Invoke", resource: methodArn }).allowed;
};
