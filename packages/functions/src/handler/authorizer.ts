import { countFailure, Failure, hashId, hashPrivate } from "@lectern/core";
import { bearerPrefix, type ErrorCode } from "@lectern/protocol";
import type { APIGatewayAuthorizerResult, APIGatewayRequestAuthorizerEvent } from "aws-lambda";
import { instrumented, log } from "../invocation.js";
import { metrics } from "../metric.js";
import { signingKey } from "../resources.js";
import { offeredSubprotocols } from "../subprotocol.js";
import { verify } from "../token.js";

/**
 * Identifies the client. Without a token it is anonymous, and may listen. With a valid token it is the token's user. An
 * invalid token is refused, never ignored: by the handshake's 401, or by `connect` if the client asked for
 * `errors=frame`.
 */
export const handler = async (
  event: APIGatewayRequestAuthorizerEvent,
): Promise<APIGatewayAuthorizerResult> => {
  const { requestId, identity } = event.requestContext;
  const fields = { requestId, address: hashPrivate(identity.sourceIp, signingKey()) };
  const answer = await instrumented({ operation: "authorize", fields }, () => authorize(event));
  // API Gateway answers 401 only to exactly this message.
  if (answer === "unauthorized") throw new Error("Unauthorized");
  return answer;
};

const authorize = async (
  event: APIGatewayRequestAuthorizerEvent,
): Promise<APIGatewayAuthorizerResult | "unauthorized"> => {
  const token = tokenOf(event);
  if (token === undefined) return allow(event, "anonymous", {});
  const verdict = await verify(token);
  if (verdict.valid) {
    const { userId } = verdict;
    log.info("Token verified", { user: hashId(userId) });
    return allow(event, userId, { userId });
  }
  const { code, reason } = verdict;
  log[code === "SERVICE_UNAVAILABLE" ? "warn" : "info"]("Token refused", {
    outcome: "refused",
    errorCode: code,
    reason,
  });
  if (code === "SERVICE_UNAVAILABLE" || event.queryStringParameters?.errors === "frame") {
    return allow(event, "refused", { refusal: code });
  }
  // Counted here, because the connect handler never gets this handshake.
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

/** Allows every route of the stage, because API Gateway applies this policy to the connection's later messages too. */
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
