/** What a worker is started with. */
export interface WorkerStart {
  /** The absolute path of the bundle. */
  readonly bundle: string;
  readonly exportName: string;
  /** `StackClock.shared` */
  readonly clock: SharedArrayBuffer;
  /** The invocation that the cold start is for: lines printed while loading belong to it. */
  readonly requestId: string;
  /** False while a debugger may pause the function: its remaining time never shrinks. */
  readonly timeLimits: boolean;
  /** The part of the handler's context that is the same for every invocation. */
  readonly context: {
    readonly functionName: string;
    readonly functionVersion: string;
    readonly invokedFunctionArn: string;
    readonly memoryLimitInMB: string;
    readonly logGroupName: string;
    readonly logStreamName: string;
  };
}

/** main → worker. Payloads travel as JSON text: Lambda's semantics, and less to clone. */
export interface WorkerInvocation {
  readonly requestId: string;
  readonly event: string;
  readonly timeoutMs: number;
}

/** worker → main: lines as they are printed, then one reply to the start and to each invocation. */
export type WorkerMessage = LogMessage | WorkerReply;

export interface LogMessage {
  readonly kind: "log";
  readonly requestId: string;
  readonly stream: "stdout" | "stderr";
  readonly text: string;
}

export type WorkerReply =
  | { readonly kind: "ready" }
  | { readonly kind: "result"; readonly payload: string }
  /** `fatal`: the worker ends after this one. */
  | {
      readonly kind: "error";
      readonly errorType: string;
      readonly errorMessage: string;
      readonly fatal: boolean;
    };
