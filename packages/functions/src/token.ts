import type { ErrorCode } from "@lectern/protocol";
import { CognitoJwtVerifier } from "aws-jwt-verify";
import {
  FetchError,
  JwksNotAvailableInCacheError,
  JwtExpiredError,
  WaitPeriodNotYetEndedJwkError,
} from "aws-jwt-verify/error";
import { SimpleJwksCache } from "aws-jwt-verify/jwk";
import { required } from "./environment.js";

export type TokenVerdict =
  | { readonly valid: true; readonly userId: string }
  | { readonly valid: false; readonly code: ErrorCode; readonly reason: string };

const fetchTimeoutMs = 2_000;

/** The verifier's own fetcher takes https only; `AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER` names another issuer host. */
const fetchJwks = async (uri: string): Promise<ArrayBuffer> => {
  const host = process.env.AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER;
  const url = host ? new URL(new URL(uri).pathname, host).href : uri;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(fetchTimeoutMs) });
    if (!response.ok) throw new Error(`status ${response.status}`);
    const body = await response.arrayBuffer();
    // What is cut off midway, or is somebody's error page, says nothing of a token.
    JSON.parse(Buffer.from(body).toString());
    return body;
  } catch (error) {
    throw new FetchError(uri, error);
  }
};

const verifier = CognitoJwtVerifier.create(
  { userPoolId: required("USER_POOL_ID"), clientId: required("CLIENT_ID"), tokenUse: null },
  // Once more, at once, as the verifier's own fetcher does it.
  {
    jwksCache: new SimpleJwksCache({
      fetcher: { fetch: (uri) => fetchJwks(uri).catch(() => fetchJwks(uri)) },
    }),
  },
);

// The keys are fetched while the environment starts, so that the first token does not wait for them. Where they cannot
// be had now, the first token asks again, and says so.
void verifier.hydrate().catch(() => undefined);

/** Verifies an ID or access token of the pool's client: signature, issuer, audience or client id, use, expiry. */
export const verify = async (token: string): Promise<TokenVerdict> => {
  try {
    const { sub } = await verifier.verify(token);
    return { valid: true, userId: sub };
  } catch (error) {
    return { valid: false, code: codeOf(error), reason: error instanceof Error ? error.name : "unknown" };
  }
};

const codeOf = (error: unknown): ErrorCode => {
  if (error instanceof JwtExpiredError) return "TOKEN_EXPIRED";
  // The last: for a while after a key that was not found, none is looked for, be it good or bad.
  const unreachable = [FetchError, JwksNotAvailableInCacheError, WaitPeriodNotYetEndedJwkError];
  return unreachable.some((kind) => error instanceof kind) ? "SERVICE_UNAVAILABLE" : "UNAUTHORIZED";
};
