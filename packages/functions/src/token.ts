import type { ErrorCode } from "@lectern/protocol";
import { CognitoJwtVerifier } from "aws-jwt-verify";
import { FetchError, JwksNotAvailableInCacheError, JwtExpiredError } from "aws-jwt-verify/error";
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
  const unavailable = (why: unknown) => new FetchError(uri, why);
  const response = await fetch(url, { signal: AbortSignal.timeout(fetchTimeoutMs) }).catch((error) => {
    throw unavailable(error);
  });
  if (!response.ok) throw unavailable(`status ${response.status}`);
  return response.arrayBuffer();
};

const verifier = CognitoJwtVerifier.create(
  { userPoolId: required("USER_POOL_ID"), clientId: required("CLIENT_ID"), tokenUse: null },
  { jwksCache: new SimpleJwksCache({ fetcher: { fetch: fetchJwks } }) },
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
  const unreachable = [FetchError, JwksNotAvailableInCacheError];
  return unreachable.some((kind) => error instanceof kind) ? "SERVICE_UNAVAILABLE" : "UNAUTHORIZED";
};
