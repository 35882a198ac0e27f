import type { Drain } from "@lectern/core";
import { UserError } from "offline-aws";
import * as v from "valibot";
import { isLoopback } from "../target.js";

/** Where a stage's functions are. */
export interface Place {
  readonly stage: string;
  readonly region: string;
  /** Of Lambda; undefined: AWS's own for the region. */
  readonly endpoint: URL | undefined;
}

/** `session-drain-prod` */
const nameIn = ({ stage }: Place): string => `session-drain-${stage}`;

const steppedSchema: v.GenericSchema<unknown, Drain.Stepped> = v.object({
  asked: v.number(),
  gone: v.number(),
  failed: v.number(),
  opening: v.number(),
  connectedBefore: v.number(),
  next: v.exactOptional(v.string()),
});

/** Posts are tried three times, three seconds each, in two rounds at the most: the function has its minute. */
const answerMs = 75_000;

/**
 * A stage's drain function, invoked with whatever AWS credentials are found in the usual places; on this machine with any.
 * @returns what takes one step; it throws a {@link UserError} that says what is wrong
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
    ...(endpoint && isLoopback(endpoint) ? { credentials } : {}),
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
        `${nameIn(place)} answers as another version does: drain with the checkout that is deployed.`,
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

/** A local stack takes any key that is no function's for an operator's. */
const credentials = { accessKeyId: "operator", secretAccessKey: "operator" };

const thrownSchema = v.object({ errorType: v.optional(v.string(), "Error"), errorMessage: v.string() });

const functionFailed = (answer: unknown, place: Place): UserError => {
  const thrown = v.safeParse(thrownSchema, answer);
  const { errorType, errorMessage } = thrown.success
    ? thrown.output
    : { errorType: "Error", errorMessage: "it does not say why" };
  const missing = errorMessage.match(/not authorized to perform: (\S+)/)?.[1];
  const why = missing ? `its role lacks ${missing}` : `${errorType}: ${errorMessage}`;
  return new UserError(
    `${nameIn(place)} failed (${why}): mend it as docs/runbook.md#errors-drain says, and drain again.`,
  );
};

/** Names only, no messages: AWS's answer to a wrong signature repeats the request's headers, tokens and all. */
const asUserError = (error: unknown, place: Place): unknown => {
  if (!(error instanceof Error)) return error;
  const name = nameIn(place);
  const where = place.endpoint ? `at ${place.endpoint.origin}` : `in ${place.region}`;
  switch (error.name) {
    case "CredentialsProviderError":
    case "TokenProviderError":
      return new UserError(
        "There are no AWS credentials, or they cannot be used: sign in (aws sso login), or name a profile with AWS_PROFILE.",
      );
    case "ExpiredTokenException":
    case "ExpiredToken":
      return new UserError("The AWS credentials have expired: sign in again, and drain again.");
    case "UnrecognizedClientException":
    case "InvalidSignatureException":
    case "InvalidClientTokenId":
    case "IncompleteSignatureException":
    case "SignatureDoesNotMatch":
      return new UserError(
        `AWS does not take these credentials (${error.name}): sign in again, or check AWS_PROFILE and the clock.`,
      );
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
  }
  // Lambda speaks JSON and names its errors; where there is none to be read, the SDK says Unknown.
  if (place.endpoint && (error instanceof SyntaxError || /^Unknown(Error)?$/.test(error.name))) {
    return new UserError(`What answers ${where} is not Lambda: mend --endpoint, or leave it out.`);
  }
  if ("$metadata" in error && "$fault" in error) {
    return new UserError(`Lambda answered ${error.name} ${where}, not what ${name} says.`);
  }
  const code = "code" in error && typeof error.code === "string" ? error.code : error.name;
  if (code === "TimeoutError" || /^E[A-Z_]+$/.test(code)) {
    return new UserError(
      place.endpoint && isLoopback(place.endpoint)
        ? `Nobody answers ${where} (${code}): start a stack with npm start, or mend --endpoint.`
        : `Lambda cannot be reached ${where} (${code}): check the network and --region.`,
    );
  }
  return error;
};
