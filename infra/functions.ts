/** A function of the app, without its rights. */
export interface Definition {
  /** Its physical name without the stage. It is the `service` of its log lines, too. */
  readonly name: string;
  /** Its file in `packages/functions/src/handler`. */
  readonly handler: string;
  readonly memory: `${number} MB`;
  readonly timeout: `${number} seconds`;
  /** How often Lambda repeats a failed asynchronous invocation; twice by default. */
  readonly retries?: 0;
  /** True if the setting `provisionedConcurrency` keeps environments of it warm: a client that connects waits for it. */
  readonly isProvisioned?: true;
  /** The API's route that invokes it. */
  readonly route?: string;
  /** The table whose stream invokes it. */
  readonly stream?: "Sessions" | "Connections";
}

/**
 * The functions' runtime, by Lambda's name. SST's own types may not know it yet.
 * "Node.js in Lambda" in docs/deployment.md has the dates, and the steps to the next one.
 */
export const runtime: string = "nodejs22.x";

/**
 * Every function, by its component's name. The infrastructure, the dashboard, the alarms, the verification and the tests
 * read this list. It needs no SST, so any package may import it.
 */
export const functions = {
  Authorizer: {
    name: "session-authorizer",
    handler: "authorizer",
    isProvisioned: true,
    memory: "128 MB",
    timeout: "10 seconds",
  },
  Connect: {
    name: "session-connection-handler",
    handler: "connect",
    isProvisioned: true,
    memory: "256 MB",
    timeout: "30 seconds",
    route: "$connect",
  },
  Disconnect: {
    name: "session-disconnect-handler",
    handler: "disconnect",
    memory: "256 MB",
    timeout: "30 seconds",
    route: "$disconnect",
  },
  Heartbeat: {
    name: "session-heartbeat-handler",
    handler: "heartbeat",
    memory: "128 MB",
    timeout: "10 seconds",
    route: "heartbeat",
  },
  Refresh: {
    name: "session-refresh-handler",
    handler: "refresh",
    memory: "256 MB",
    timeout: "30 seconds",
    route: "refreshConnection",
  },
  Default: {
    name: "session-default-handler",
    handler: "default",
    memory: "256 MB",
    timeout: "10 seconds",
    route: "$default",
  },
  Welcome: {
    name: "session-welcome",
    handler: "welcome",
    isProvisioned: true,
    memory: "256 MB",
    timeout: "30 seconds",
    stream: "Connections",
  },
  Announce: {
    name: "session-announce",
    handler: "announce",
    memory: "512 MB",
    timeout: "60 seconds",
    stream: "Sessions",
  },
  Reaper: {
    name: "session-reaper",
    handler: "reaper",
    // A whole CPU: the run over 50,000 rows is nearly all computing.
    memory: "1769 MB",
    timeout: "50 seconds",
    // The next minute's run is the retry. Lambda's own two would overlap with it.
    retries: 0,
  },
  Drain: {
    name: "session-drain",
    handler: "drain",
    memory: "256 MB",
    timeout: "60 seconds",
  },
} as const satisfies Record<string, Definition>;

/** The name of a function's component. */
export type Component = keyof typeof functions;

/** Every function's physical name without the stage. */
export const functionNames = Object.values(functions).map(({ name }) => name);

/** The names of the functions that a table's stream invokes. */
export const streamFunctionNames = Object.values(functions)
  .filter((fn) => "stream" in fn)
  .map(({ name }) => name);
