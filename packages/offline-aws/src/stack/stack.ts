import type { StackClock } from "../clock.js";
import type { CloudWatch } from "../cloudwatch/index.js";
import type { DynamoDb, RequestRecord } from "../dynamodb/index.js";
import type { GatewayEvent } from "../gateway/api.js";
import type { TokenRequest } from "../issuer.js";
import type { Invoke } from "../lambda/invocation.js";
import type { Lambda } from "../lambda/lambda.js";
import type { ReloadEvent } from "../lambda/reload.js";
import type { LogLine } from "../lambda/scheduler.js";
import type { Graph } from "../synth/graph.js";
import type { ObservedInvocation } from "../uneventful.js";

/** The DynamoDB to run on: `dynalite` needs nothing else, `dynamodb-local` is Amazon's own and needs Java 17. */
export type Engine = "dynalite" | "dynamodb-local";

export interface StackOptions {
  /** The folder of `sst.config.ts`. */
  readonly root: string;
  /** Default `local`. */
  readonly stage?: string;
  /** Settings for the program, by name. It reads them as JSON from the variable `OFFLINE_AWS_SETTINGS`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The port for HTTP and WebSocket; DynamoDB gets the next one. Default 0: any two free ports. */
  readonly port?: number;
  /** Default `dynalite`. */
  readonly engine?: Engine;
  /** True to enforce the account's quota of 500 new connections a second. Default false. */
  readonly quotas?: boolean;
  /** True to reload a function when one of its sources is saved. Default false. */
  readonly watch?: boolean;
  /** True while a debugger may pause functions: no time limits, and one environment for each function. Default false. */
  readonly inspect?: boolean;
  /** False to leave out schedules and the removal of expired rows. Default true. */
  readonly schedules?: boolean;
  /** The result of an earlier `synth`, instead of evaluating the program again. */
  readonly graph?: Graph;
  /** Aborts the start. */
  readonly signal?: AbortSignal;
  readonly observer?: Observer;
}

/** Callbacks for what happens in a stack. */
export interface Observer {
  /** Progress of a slow start, one line at a time. */
  say?(line: string): void;
  onInvocation?(record: ObservedInvocation): void;
  onLog?(line: LogLine): void;
  onReload?(event: ReloadEvent): void;
  /** A file of the infrastructure program was saved; the stack goes on with the old one. At least once per save. */
  onProgramChange?(file: string): void;
  onGatewayEvent?(event: GatewayEvent): void;
  /** A request to DynamoDB was answered. */
  onRequest?(record: RequestRecord): void;
  /** An alarm changed its state. */
  onAlarm?(change: {
    readonly from: string;
    readonly name: string;
    readonly state: string;
    readonly reason: string;
  }): void;
  /** A message that SNS would have sent. */
  onNotification?(notification: { readonly topicArn: string; readonly subject: string }): void;
  /** A stream record went to its on-failure queue; `body` is the queue's message. */
  onFailureDelivered?(destinationArn: string, body: unknown): void;
}

/** A running offline AWS. */
export interface Stack {
  /** `ws://127.0.0.1:4000/prod`; empty when the program declares no WebSocket API. */
  readonly webSocketUrl: string;
  /** `http://127.0.0.1:4000`: `@connections`, the status page, and the AWS services but DynamoDB. */
  readonly httpUrl: string;
  /** `http://127.0.0.1:4001` */
  readonly dynamodbEndpoint: string;
  readonly region: string;
  /** Physical names by the name without the stage: `{Orders: "Orders-local"}`. */
  readonly tables: Readonly<Record<string, string>>;
  /** The result of the program's `run`. */
  readonly outputs: Graph["outputs"];
  /** The time that everything in the stack reads; `clock.advance(ms)` moves it. */
  readonly clock: StackClock;
  /** Invokes a function by its physical name and resolves with the outcome; it does not reject. */
  readonly invoke: Invoke;
  /** Terminates a function's environments in the middle of their invocations. */
  readonly kill: Lambda["kill"];
  /** Throttles a function's next invocations, as if the account's concurrency were used up. */
  readonly throttle: Lambda["throttle"];
  /** Faults to inject into DynamoDB: throttling, errors, latency, lost answers, index lag. */
  readonly faults: DynamoDb["faults"];
  /** Set `available` to false to stop serving the user pool's keys. */
  readonly tokenService: { available: boolean };
  readonly connectionCount: () => number;
  /** The program's alarms. They are evaluated every minute; `evaluateAlarms` does so now. */
  readonly alarms: CloudWatch["alarms"];
  readonly evaluateAlarms: CloudWatch["evaluate"];
  /** The messages that the alarms' topics would have sent, the newest first. */
  readonly notifications: CloudWatch["notifications"];
  /** Empties the on-failure queues, as `aws sqs purge-queue` does. */
  readonly purgeFailures: () => void;
  /** The function that signs with an access key (as `onRequest` reports it); undefined for an operator's key. */
  readonly functionOf: (accessKeyId: string | undefined) => string | undefined;
  /** True when the program declares a user pool with an app client; without one, `token` throws. */
  readonly hasUserPool: boolean;
  /**
   * A signed JWT of the program's first app client.
   * @throws {UserError} when there is no app client
   */
  token(request: Omit<TokenRequest, "now">): string;
  /** Deletes expired rows, as DynamoDB's TTL does sooner or later. Resolves with the number of rows. */
  sweep(): Promise<number>;
  /** Resolves once no invocation runs and every stream record has been handled. */
  idle(): Promise<void>;
  /** Closes every socket and server, and ends every worker. */
  stop(): Promise<void>;
}
