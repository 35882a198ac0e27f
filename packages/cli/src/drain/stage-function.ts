import type { Drain } from "@lectern/core";
import { UserError } from "offline-aws";
import * as v from "valibot";
import { functions } from "../../../../infra/functions.js";
import { credentialsProblem, isServiceError, localCredentials, nameOf, networkProblem } from "../aws.js";
import { isLoopback } from "../target.js";

/** Where a stage's functions are. */
export interface Place {
  readonly stage: string;
  readonly region: string;
  /** Lambda's address; undefined: AWS's in the region. */
  readonly endpoint: URL | undefined;
}

/** `session-drain-prod` */
const nameIn = ({ stage }: Place): string => `${functions.Drain.name}-${stage}`;

const steppedSchema: v.GenericSchema<unknown, Drain.Stepped> = v.object({
  asked: v.number(),
  gone: v.number(),
  failed: v.number(),
  opening: v.number(),
  connectedBefore: v.number(),
  next: v.exactOptional(v.string()),
});

/** The function's own limit is a minute: it posts in two rounds, three attempts of three seconds each. */
const answerMs = 75_000;

/**
 * A stage's drain function. It is invoked with the AWS credentials that the SDK finds; a local stack takes any.
 * @returns `step`, which throws a {@link UserError} that says what is wrong
 */
export const stageFunction = async (
  place: Place,
): Promise<{ step: (step: Drain.Step) => Promise<Drain.Stepped>; close: () => void }> => {
  const { InvokeCommand, LambdaClient } = await import("@aws-sdk/client-lambda");
  const { region, endpoint } = place;
  const client = new LambdaClient({
    region,
    requestHandler: { connectionTimeout: 5_000, requestTimeout: answerMs, throwOnRequestTimeout: true },
    ...(endpoint ? { endpoint: endpoint.href } : {}),
    ...(endpoint && isLoopback(endpoint) ? { credentials: localCredentials } : {}),
  });
  return {
    step: async (step) => {
      const invoke = new InvokeCommand({ FunctionName: nameIn(place), Payload: JSON.stringify(step) });
      const { FunctionError, Payload } = await client.send(invoke).catch((error: unknown) => {
        throw asUserError(error, place);
      });
      const answer = jsonIn(Payload?.transformToString() || "null", place);
      if (FunctionError !== undefined) throw functionFailed(answer, place);
      const stepped = v.safeParse(steppedSchema, answer);
      if (stepped.success) return stepped.output;
      throw new UserError(
        `${nameIn(place)} answers as another version would: drain with the checkout that is deployed.`,
      );
    },
    close: () => client.destroy(),
  };
};

const jsonIn = (text: string, place: Place): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw asUserError(error, place);
  }
};

const thrownSchema = v.fallback(
  v.object({ errorType: v.optional(v.string(), "Error"), errorMessage: v.string() }),
  { errorType: "Error", errorMessage: "it gives no reason" },
);

const functionFailed = (answer: unknown, place: Place): UserError => {
  const { errorType, errorMessage } = v.parse(thrownSchema, answer);
  const missing = errorMessage.match(/not authorized to perform: (\S+)/)?.[1];
  const why = missing ? `its role lacks ${missing}` : `${errorType}: ${errorMessage}`;
  return new UserError(
    `${nameIn(place)} failed (${why}): see docs/runbook.md#errors-drain, and drain again.`,
  );
};

const asUserError = (error: unknown, place: Place): unknown => {
  const problem = credentialsProblem(error);
  if (problem) return new UserError(`${problem}.`);
  const name = nameIn(place);
  const where = place.endpoint ? `at ${place.endpoint.origin}` : `in ${place.region}`;
  switch (nameOf(error)) {
    case "AccessDeniedException":
      return new UserError(
        `These AWS credentials may not invoke ${name}: they need lambda:InvokeFunction on it.`,
      );
    case "ResourceNotFoundException":
      return new UserError(
        `There is no function ${name} ${where}: the stage is not deployed there, or is older than its drain; deploy it, or check --stage and --region.`,
      );
    case "TooManyRequestsException":
      return new UserError(
        `Lambda has no room for ${name} at the moment: see docs/runbook.md#throttles-lambda, and drain again.`,
      );
    // Lambda names its errors; where there is no name, the SDK says Unknown.
    case "SyntaxError":
    case "Unknown":
    case "UnknownError":
      if (!place.endpoint) break;
      return new UserError(`What answers ${where} is not Lambda: correct --endpoint, or leave it out.`);
  }
  // The name only: a message may repeat the request.
  if (isServiceError(error)) {
    return new UserError(`Lambda answered ${error.name} ${where}, not with a result of ${name}.`);
  }
  const code = networkProblem(error);
  if (code === undefined) return error;
  return new UserError(
    place.endpoint && isLoopback(place.endpoint)
      ? `Nobody answers ${where} (${code}): start a stack with npm start, or correct --endpoint.`
      : `Lambda cannot be reached ${where} (${code}): check the network and --region.`,
  );
};
