import { readFile } from "node:fs/promises";
import path from "node:path";
import { UserError } from "offline-aws";
import * as v from "valibot";
import {
  isLoopback,
  type LocalStack,
  localToken,
  type Outputs,
  outputsSchema,
  parseUrl,
  plain,
  reach,
  stackAt,
} from "../target.js";
import { type AwsAccess, awsAt, awsIn, nameOf } from "./aws.js";
import { blindOperator, createOperator, type Operator } from "./operator.js";
import type { Pool } from "./sign-in.js";

/** What the command line says of the endpoint. */
export interface Wanted {
  readonly root: string;
  readonly url: string | undefined;
  /** The file of a deployment's outputs. */
  readonly outputs: string | undefined;
  readonly stage: string | undefined;
  readonly region: string | undefined;
  readonly userPoolId: string | undefined;
  readonly clientId: string | undefined;
}

/** An endpoint, and what of its stage is known. */
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
  /** How far that may be off (ms). */
  readonly clockErrorMs: number;
}

/** @throws {UserError} when it is not clear which endpoint is meant, or what was said of it does not fit together */
export const findTarget = async (wanted: Wanted): Promise<Target> => {
  const outputs = wanted.outputs === undefined ? undefined : await readOutputs(wanted.root, wanted.outputs);
  const given = wanted.url ?? outputs?.WebSocketAPIEndpoint;
  if (given === undefined) {
    throw new UserError(
      "Which endpoint? Name it with --url, or its deployment with --outputs .sst/outputs.json; what npm start runs is --url ws://127.0.0.1:4000/prod.",
    );
  }
  const url = parseUrl(given);
  return isLoopback(url) ? localTarget(url, wanted) : deployedTarget(url, wanted, outputs);
};

/** The token of a user of its own, as the checkout's issuer signs it for a local stack. */
export const ownToken = (root: string, stack: LocalStack): Promise<string> =>
  localToken(root, stack, "verify");

/** Everything is asked of the stack itself; nothing leaves this machine. */
const localTarget = async (url: URL, { stage }: Wanted): Promise<Target> => {
  await reach(url);
  const local = await stackAt(url.host);
  if (!local) {
    throw new UserError(
      `What answers at ${plain(url)} is no local stack: start one with npm start, or mend --url.`,
    );
  }
  if (stage !== undefined && stage !== local.stage) {
    throw new UserError(
      `At ${plain(url)} runs the stage ${local.stage}, not ${stage}: mend --stage or leave it out.`,
    );
  }
  const aws = awsAt(local);
  const ahead = local.now - Date.now();
  return {
    url: plain(url),
    stage: local.stage,
    pool: poolOf(local.outputs),
    operator: createOperator({
      ...aws,
      tables: tablesOf(local.outputs),
      account: accountIn(local.outputs),
    }),
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
      `${wanted.outputs} is of the stage ${deployed}, not ${stage}: mend --stage, or deploy that first.`,
    );
  }
  const { userPoolId, clientId } = wanted;
  const pool = {
    ...(outputs ? poolOf(outputs) : {}),
    ...(userPoolId === undefined ? {} : { userPoolId }),
    ...(clientId === undefined ? {} : { clientId }),
  };
  const region = regionOf(url, wanted.region, pool.userPoolId);
  const tables = outputs ? tablesOf(outputs) : stage && tablesNamed(stage);
  const aws = region === undefined ? undefined : awsIn(region);
  return {
    url: plain(url),
    stage,
    pool,
    operator:
      aws && tables
        ? createOperator({ ...aws, tables, account: accountIn(outputs) ?? (await accountOf(stage)) })
        : blindOperator(
            tables ? "no region is known without --region" : "neither --outputs nor --stage names the tables",
          ),
    aws,
    local: undefined,
    now: Date.now,
    clockErrorMs: 5_000,
  };
};

const poolOf = ({ UserPoolId, UserPoolClientId }: Outputs): Pool => ({
  userPoolId: UserPoolId,
  clientId: UserPoolClientId,
});

const tablesOf = ({ SessionsTableName, ConnectionsTableName }: Outputs) => ({
  Sessions: SessionsTableName,
  Connections: ConnectionsTableName,
});

/** The outputs' own resources are in the stage's account. */
const accountIn = (outputs: Outputs | undefined): string | undefined =>
  outputs?.AlarmTopicArn?.match(/^arn:[\w-]+:sns:[\w-]+:(\d{12}):/)?.[1];

/** As the stage's settings say; what else is wrong with them is not of concern here. */
const accountOf = async (stage: string | undefined): Promise<string | undefined> => {
  if (stage === undefined) return undefined;
  const { settingsFor } = await import("../../../../infra/settings.js");
  try {
    return settingsFor(stage).account;
  } catch (error) {
    if (nameOf(error) === "SettingError") return undefined;
    throw error;
  }
};

/** Physical names are fixed. */
const tablesNamed = (stage: string) => ({
  Sessions: `Sessions-${stage}`,
  Connections: `Connections-${stage}`,
});

/** A pool's id begins with its region, and so does the second part of an API's own host name. */
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

const readOutputs = async (root: string, file: string): Promise<Outputs> => {
  const text = await readFile(path.resolve(root, file), "utf8").catch(() => undefined);
  if (text === undefined) {
    throw new UserError(`There is no ${file}: deploy first, or name the file that the deployment left.`);
  }
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), outputsSchema), text);
  if (parsed.success) return parsed.output;
  const missing = v.getDotPath(parsed.issues[0]);
  const whatIsWrong = missing === null ? "it is no JSON" : `${missing} is missing`;
  throw new UserError(
    `${file} does not hold a deployment's outputs (${whatIsWrong}): a failed or removed deployment leaves it empty; deploy again.`,
  );
};
