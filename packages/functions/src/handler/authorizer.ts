import { countFailure, Failure, hashPrivate } from "@lectern/core";
import { bearerPrefix, type ErrorCode } from "@lectern/protocol";
import type { APIGatewayAuthorizerResult, APIGatewayRequestAuthorizerEvent } from "aws-lambda";
import { log, work } from "../invocation.js";
import { metrics } from "../metric.js";
import { signingKey } from "../resources.js";
import { offeredSubprotocols } from "../subprotocol.js";
import { verify } from "../token.js";

/**
 * Says who is asking. Without a token: anybody, who may listen. With a good one: its user. A bad one is refused, never
 * taken for none: by the handshake's 401, or by `connect` where the client asked for a readable refusal.
 */
export const handler = async (
  event: APIGatewayRequestAuthorizerEvent,
): Promise<APIGatewayAuthorizerResult> => {
  const { requestId, identity } = event.requestContext;
  const fields = { requestId, address: hashPrivate(identity.sourceIp, signingKey()) };
  const answer = await work({ operation: "authorize", fields }, () => authorize(event));
  // API Gateway answers 401 to exactly this message.
  if (answer === "unauthorized") throw new Error("Unauthorized");
  return answer;
};

const authorize = async (
  event: APIGatewayRequestAuthorizerEvent,
): Promise<APIGatewayAuthorizerResult | "unauthorized"> => {
  const token = tokenOf(event);
  if (token === undefined) return allow(event, "anonymous", {});
  const verdict = await verify(token);
  if (verdict.valid) return allow(event, verdict.userId, { userId: verdict.userId });
  const { code, reason } = verdict;
  log[code === "SERVICE_UNAVAILABLE" ? "warn" : "info"]("Token refused", {
    outcome: "refused",
    errorCode: code,
    reason,
  });
  if (code === "SERVICE_UNAVAILABLE" || event.queryStringParameters?.errors === "frame") {
    return allow(event, "refused", { refusal: code });
  }
  // Nobody else counts it: the connect handler never hears of this handshake.
  countFailure(metrics, new Failure(code));
  metrics.record("TokensRefused", 1);
  return "unauthorized";
};

const tokenOf = ({
  headers,
  queryStringParameters,
}: APIGatewayRequestAuthorizerEvent): string | undefined => {
  const bearer = offeredSubprotocols(headers).find((offered) => offered.startsWith(bearerPrefix));
  return queryStringParameters?.token ?? bearer?.slice(bearerPrefix.length);
};

/** The resource is every route of the stage: the policy is also what the later messages are allowed by. */
const allow = (
  { methodArn }: APIGatewayRequestAuthorizerEvent,
  principalId: string,
  context: { readonly userId?: string; readonly refusal?: ErrorCode },
): APIGatewayAuthorizerResult => ({
  principalId,
  policyDocument: {
    Version: "2012-10-17",
    Statement: [
      {
        Action: "execute-api:Invoke",
        Effect: "Allow",
        Resource: `${methodArn.split("/").slice(0, 2).join("/")}/*`,
      },
    ],
  },
  context: { ...context },
});
