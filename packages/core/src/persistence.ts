import { Failure } from "./failure.js";

const tries = 3;

const throttles = new Set([
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
  "ThrottlingException",
]);

/**
 * Makes a DynamoDB call, three times at most with backoff. Throttled calls were not done and are always made again;
 * after a server's fault or a lost answer nobody knows, and only a `repeatable` call is.
 * @throws {Failure} `SERVICE_UNAVAILABLE`, with the last error as its cause, when no try came through.
 */
export const persistently = async <Result>(
  repeatable: boolean,
  call: () => Promise<Result>,
): Promise<Result> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      const kind = kindOf(error);
      if (kind === "ours") throw error;
      if (attempt === tries || (kind === "unknown" && !repeatable)) throw unavailable(error);
      await backoff(attempt);
    }
  }
};

/** Whether the call failed because the service could not be had, and not for something in it. */
export const isUnavailable = (error: unknown): boolean =>
  error instanceof Failure && error.code === "SERVICE_UNAVAILABLE";

/** `throttled`: certainly not done. `unknown`: perhaps done. `ours`: refused for what it says. */
const kindOf = (error: unknown): "throttled" | "unknown" | "ours" => {
  if (!(error instanceof Error)) return "ours";
  if (throttles.has(error.name)) return "throttled";
  const status = "$metadata" in error ? statusIn(error.$metadata) : undefined;
  if (status !== undefined) return status >= 500 ? "unknown" : "ours";
  return "code" in error || error.name === "TimeoutError" ? "unknown" : "ours";
};

const statusIn = (metadata: unknown): number | undefined =>
  typeof metadata === "object" &&
  metadata !== null &&
  "httpStatusCode" in metadata &&
  typeof metadata.httpStatusCode === "number"
    ? metadata.httpStatusCode
    : undefined;

const unavailable = (cause: unknown): Failure => {
  const failure = new Failure("SERVICE_UNAVAILABLE");
  failure.cause = cause;
  return failure;
};

const backoff = (attempt: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, 25 * 2 ** (attempt - 1) * (0.5 + Math.random())));
