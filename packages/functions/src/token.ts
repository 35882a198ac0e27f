import type { ErrorCode } from "@lectern/protocol";
import { CognitoJwtVerifier } from "aws-jwt-verify";
import { FetchError, JwksNotAvailableInCacheError, JwtExpiredError } from "aws-jwt-verify/error";
import { isJwks, SimpleJwksCache } from "aws-jwt-verify/jwk";
import { required } from "./environment.js";

export type TokenVerdict =
  | { readonly valid: true; readonly userId: string }
  | { readonly valid: false; readonly code: ErrorCode; readonly reason: string };

const fetchTimeoutMs = 2_000;

/** `AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER` names another issuer host. The verifier's own fetcher only takes https. */
const fetchJwks = async (uri: string): Promise<ArrayBuffer> => {
  const host = process.env.AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER;
  const url = host ? new URL(new URL(uri).pathname, host).href : uri;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(fetchTimeoutMs) });
    if (!response.ok) throw new Error(`status ${response.status}`);
    const body = await response.arrayBuffer();
    // A truncated answer, an error page or an empty set must not make good tokens look bad.
    const jwks = JSON.parse(Buffer.from(body).toString());
    if (!isJwks(jwks) || jwks.keys.length === 0) throw new Error("no keys in the answer");
    return body;
  } catch (error) {
    throw new FetchError(uri, error);
  }
};

const verifier = CognitoJwtVerifier.create(
  { userPoolId: required("USER_POOL_ID"), clientId: required("CLIENT_ID"), tokenUse: null },
  // Retries once at once, as the verifier's own fetcher does.
  {
    jwksCache: new SimpleJwksCache({
      fetcher: { fetch: (uri) => fetchJwks(uri).catch(() => fetchJwks(uri)) },
    }),
  },
);

// Fetches the keys while the environment starts, so that the first token does not wait for them. If that fails, the
// first token fetches them again and reports the failure.
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
  // Not among them: the ten seconds after an unknown key id, when the verifier fetches no keys. The keys were just
  // fetched then, so another unknown key id is the token's fault, not the service's.
  const unreachable = [FetchError, JwksNotAvailableInCacheError];
  return unreachable.some((kind) => error instanceof kind) ? "SERVICE_UNAVAILABLE" : "UNAUTHORIZED";
};
