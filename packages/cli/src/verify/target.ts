import { readFile } from "node:fs/promises";
import { UserError } from "offline-aws";
import * as v from "valibot";
import { type AwsAccess, awsAt, awsIn } from "../aws.js";
import { settingsOf } from "../settings.js";
import {
  isLoopback,
  type LocalStack,
  type Outputs,
  outputsSchema,
  parseUrl,
  plain,
  reach,
  stackAt,
} from "../target.js";
import { blindOperator, createOperator, type Operator } from "./operator.js";
import type { Pool } from "./sign-in.js";

/** The options that name the endpoint; `outputs` is the file of a deployment's outputs. */
export type Wanted = Readonly<
  Partial<Record<"url" | "outputs" | "stage" | "region" | "user-pool-id" | "client-id", string | undefined>>
>;

/** An endpoint and its stage, as far as it is known. */
export interface Target {
  readonly url: string;
  readonly stage: string | undefined;
  readonly pool: Partial<Pool>;
  readonly operator: Operator;
  /** Undefined: no region is known. */
  readonly aws: AwsAccess | undefined;
  /** The stack, where it runs on this machine. */
  readonly local: LocalStack | undefined;
  /** Milliseconds since the epoch, by the stage's clock. */
  readonly now: () => number;
  /** The largest error of that clock (ms). */
  readonly clockErrorMs: number;
}

/** @throws {UserError} when it is unclear which endpoint is meant, or the options contradict each other */
export const findTarget = async (wanted: Wanted): Promise<Target> => {
  const outputs = wanted.outputs === undefined ? undefined : await readOutputs(wanted.outputs);
  const given = wanted.url ?? outputs?.WebSocketAPIEndpoint;
  if (given === undefined) {
    throw new UserError(
      "Which endpoint? Name it with --url, or its deployment with --outputs .sst/outputs.json. The stack of npm start is --url ws://127.0.0.1:4000/prod.",
    );
  }
  const url = parseUrl(given);
  return isLoopback(url) ? localTarget(url, wanted.stage) : deployedTarget(url, wanted, outputs);
};

/** A local stack answers for AWS: nothing leaves this machine. */
const localTarget = async (url: URL, stage: string | undefined): Promise<Target> => {
  await reach(url);
  const local = await stackAt(url.host);
  if (!local) {
    throw new UserError(
      `What answers at ${plain(url)} is not a local stack: start one with npm start, or correct --url.`,
    );
  }
  if (stage !== undefined && stage !== local.stage) {
    throw new UserError(
      `The stage at ${plain(url)} is ${local.stage}, not ${stage}: correct --stage, or leave it out.`,
    );
  }
  const aws = awsAt(local);
  const ahead = local.now - Date.now();
  return {
    url: plain(url),
    stage: local.stage,
    pool: poolOf(local.outputs),
    operator: createOperator({ ...aws, stage: local.stage, account: accountIn(local.outputs) }),
    aws,
    local,
    now: () => Date.now() + ahead,
    clockErrorMs: 0,
  };
};

const deployedTarget = async (url: URL, wanted: Wanted, outputs: Outputs | undefined): Promise<Target> => {
  const deployed = outputs?.SessionsTableName.match(/^Sessions-(.+)$/)?.[1];
  const { stage = deployed } = wanted;
  if (deployed !== undefined && stage !== deployed) {
    throw new UserError(
      `${wanted.outputs} is of the stage ${deployed}, not ${stage}: correct --stage, or deploy that stage first.`,
    );
  }
  const known = outputs ? poolOf(outputs) : {};
  const { "user-pool-id": userPoolId = known.userPoolId, "client-id": clientId = known.clientId } = wanted;
  const region = regionOf(url, wanted.region, userPoolId);
  const aws = region === undefined ? undefined : awsIn(region);
  const account = accountIn(outputs) ?? (await accountOf(stage));
  const unnamed = stage
    ? "no region is known without --region"
    : "neither --outputs nor --stage names the tables";
  return {
    url: plain(url),
    stage,
    pool: { ...(userPoolId && { userPoolId }), ...(clientId && { clientId }) },
    operator: aws && stage ? createOperator({ ...aws, stage, account }) : blindOperator(unnamed),
    aws,
    local: undefined,
    now: Date.now,
    clockErrorMs: 5_000,
  };
};

const poolOf = ({ UserPoolId, UserPoolClientId }: Outputs): Partial<Pool> => ({
  userPoolId: UserPoolId,
  clientId: UserPoolClientId,
});

/** The account of the outputs' resources is the stage's. */
const accountIn = (outputs: Outputs | undefined): string | undefined =>
  outputs?.AlarmTopicArn?.match(/^arn:[\w-]+:sns:[\w-]+:(\d{12}):/)?.[1];

/** The account in the stage's settings. A wrong setting is not verify's concern. */
const accountOf = async (stage: string | undefined): Promise<string | undefined> => {
  if (stage === undefined) return undefined;
  try {
    return (await settingsOf(stage)).account;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
};

/** A pool's id begins with its region; an API's own host name contains it. */
const regionOf = (
  { hostname }: URL,
  given: string | undefined,
  userPoolId: string | undefined,
): string | undefined =>
  given ??
  userPoolId?.split("_")[0] ??
  hostname.match(/\.execute-api\.([a-z\d-]+)\.amazonaws\.com/)?.[1] ??
  process.env.AWS_REGION ??
  process.env.AWS_DEFAULT_REGION;

const readOutputs = async (file: string): Promise<Outputs> => {
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) {
    throw new UserError(`There is no ${file}: deploy first, or name the file that the deployment left.`);
  }
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), outputsSchema), text);
  if (parsed.success) return parsed.output;
  const missing = v.getDotPath(parsed.issues[0]);
  const problem = missing === null ? "it is not JSON" : `${missing} is missing`;
  throw new UserError(
    `${file} does not hold a deployment's outputs (${problem}): a failed or removed deployment leaves it empty; deploy again.`,
  );
};
