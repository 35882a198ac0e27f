import { Failure } from "../value/failure.js";

const tries = 3;

const throttles = new Set([
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
  "ThrottlingException",
]);

/**
 * Makes a DynamoDB call, at most three times, with backoff. A throttled call was certainly not executed and is always
 * repeated. After a server fault or a lost answer nobody knows; only a `repeatable` call is then repeated.
 * @throws {Failure} `SERVICE_UNAVAILABLE` when every try failed, with the last error as its cause
 */
export const withRetry = async <Result>(
  repeatable: boolean,
  call: () => Promise<Result>,
): Promise<Result> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      const kind = kindOf(error);
      if (kind === "rejected") throw error;
      if (attempt === tries || (kind === "unknown" && !repeatable)) {
        throw new Failure("SERVICE_UNAVAILABLE", undefined, { cause: error });
      }
      await backoff(attempt);
    }
  }
};

/** True when a call failed because the service could not be reached, and not because of its contents. */
export const isUnavailable = (error: unknown): boolean =>
  error instanceof Failure && error.code === "SERVICE_UNAVAILABLE";

/** `throttled`: certainly not executed. `unknown`: perhaps executed. `rejected`: refused for its contents. */
const kindOf = (error: unknown): "throttled" | "unknown" | "rejected" => {
  if (!(error instanceof Error)) return "rejected";
  if (throttles.has(error.name)) return "throttled";
  const status = "$metadata" in error ? statusIn(error.$metadata) : undefined;
  if (status !== undefined) return status >= 500 ? "unknown" : "rejected";
  return "code" in error || error.name === "TimeoutError" ? "unknown" : "rejected";
};

const statusIn = (metadata: unknown): number | undefined =>
  typeof metadata === "object" &&
  metadata !== null &&
  "httpStatusCode" in metadata &&
  typeof metadata.httpStatusCode === "number"
    ? metadata.httpStatusCode
    : undefined;

const backoff = (attempt: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, 25 * 2 ** (attempt - 1) * (0.5 + Math.random())));
