import http from "node:http";
import type { AddressInfo } from "node:net";
import { ApiGatewayManagementApiClient } from "@aws-sdk/client-apigatewaymanagementapi";
import { onTestFinished } from "vitest";
import { type ClientOptions, WebSocket } from "ws";
import { StackClock } from "../clock.js";
import type { Authorize } from "../iam.js";
import type { Outcome } from "../lambda/invocation.js";
import type { GatewayEvent, GatewayOptions, Route, WebSocketApi } from "./api.js";
import { createGateway } from "./gateway.js";

/** The fields of an event that tests look at. */
export interface TestEvent {
  readonly type?: string;
  readonly methodArn?: string;
  readonly headers?: Record<string, string>;
  readonly multiValueHeaders?: Record<string, string[]>;
  readonly queryStringParameters?: Record<string, string>;
  readonly multiValueQueryStringParameters?: Record<string, string[]>;
  readonly body?: string;
  readonly isBase64Encoded?: boolean;
  readonly requestContext: Record<string, unknown> & {
    readonly connectionId: string;
    readonly requestId: string;
    readonly authorizer?: Record<string, unknown>;
  };
}

/** A fake function: its result becomes the payload, and its error becomes a failure. */
export type TestFunction = (event: TestEvent) => unknown;

export interface GatewaySetup extends Partial<Pick<GatewayOptions, "quotas">> {
  readonly api?: Partial<WebSocketApi>;
  /** By route key; `authorizer` is the authorizer of `$connect`. */
  readonly functions?: Readonly<Record<string, TestFunction>>;
  readonly identitySources?: readonly string[];
  /** Routes whose function's body goes back to the caller. */
  readonly routeResponses?: readonly string[];
  readonly authorize?: Authorize;
  readonly clock?: GatewayOptions["clock"];
}

/** Items in their order; `next` waits for the next item. */
interface Queue<T> {
  push(item: T): void;
  next(): Promise<T>;
  readonly all: readonly T[];
}

const createQueue = <T>(): Queue<T> => {
  const all: T[] = [];
  const waiting: ((item: T) => void)[] = [];
  let taken = 0;
  return {
    all,
    push: (item) => {
      all.push(item);
      const waiter = waiting.shift();
      if (!waiter) return;
      taken += 1;
      waiter(item);
    },
    next: () => {
      if (taken < all.length) return Promise.resolve(all[taken++] as T);
      return new Promise((resolve) => waiting.push(resolve));
    },
  };
};

interface TestClient {
  readonly socket: WebSocket;
  readonly messages: Queue<string>;
  /** The close code and reason that this client sees. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  /** The header of the 101 response. */
  readonly echoedSubprotocol: string | undefined;
  /** Sends and waits for the next frame. */
  ask(message: string): Promise<string>;
}

interface ConnectOptions extends ClientOptions {
  readonly path?: string;
  readonly subprotocols?: string[];
}

/** A gateway on a free port, closed after the test. */
export const startGateway = async (setup: GatewaySetup = {}) => {
  const { functions = {}, identitySources = [], routeResponses = [] } = setup;
  const stackClock = new StackClock();
  const clock = setup.clock ?? stackClock;
  const notices = createQueue<GatewayEvent>();
  const calls = new Map<string, Queue<TestEvent>>();
  const callsOf = (functionName: string): Queue<TestEvent> => {
    const queue = calls.get(functionName) ?? createQueue<TestEvent>();
    calls.set(functionName, queue);
    return queue;
  };

  const { authorizer, ...integrations } = functions;
  const routeKeys = new Set([...(authorizer ? ["$connect"] : []), ...Object.keys(integrations)]);
  const api: WebSocketApi = {
    apiId: "abc123",
    region: "eu-central-1",
    accountId: "000000000000",
    stageName: "prod",
    routeSelectionExpression: "$request.body.action",
    routes: [...routeKeys].map(
      (routeKey): Route => ({
        routeKey,
        functionName: integrations[routeKey] && routeKey,
        routeResponse: routeResponses.includes(routeKey),
        ...(authorizer && routeKey === "$connect"
          ? { authorizer: { functionName: "authorizer", identitySources } }
          : {}),
      }),
    ),
    throttle: {},
    ...setup.api,
  };
  const gateway = createGateway({
    api,
    clock,
    authorize: setup.authorize ?? (() => ({ allowed: true })),
    invoke: async (functionName, event, onRun) => {
      onRun?.();
      callsOf(functionName).push(event as TestEvent);
      return play(functions[functionName], event as TestEvent);
    },
    onEvent: notices.push,
    ...(setup.quotas !== undefined && { quotas: setup.quotas }),
  });

  const server = http.createServer((request, response) => {
    if (!gateway.handleRequest(request, response)) response.writeHead(404).end("not the gateway's");
  });
  server.on("upgrade", gateway.handleUpgrade);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const opened = new Set<WebSocket>();
  onTestFinished(async () => {
    for (const socket of opened) socket.terminate();
    await gateway.close();
    stackClock.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const open = ({ path = "/prod", subprotocols = [], ...options }: ConnectOptions): WebSocket => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, subprotocols, options);
    opened.add(socket);
    socket.on("error", () => {});
    return socket;
  };

  return {
    gateway,
    port,
    /** Moves the stack's time on. */
    advance: (ms: number) => stackClock.advance(ms),
    notices,
    callsOf,
    open,

    connect: async (options: ConnectOptions = {}): Promise<TestClient> => {
      const socket = open(options);
      const messages = createQueue<string>();
      socket.on("message", (data) => messages.push(data.toString()));
      const closed = new Promise<{ code: number; reason: string }>((resolve) =>
        socket.once("close", (code, reason) => resolve({ code, reason: reason.toString() })),
      );
      let echoedSubprotocol: string | undefined;
      socket.once("upgrade", (response) => {
        echoedSubprotocol = response.headers["sec-websocket-protocol"];
      });
      await new Promise<void>((resolve, reject) => {
        socket.once("open", resolve);
        socket.once("error", reject);
      });
      return {
        socket,
        messages,
        closed,
        echoedSubprotocol,
        ask: (message) => {
          socket.send(message);
          return messages.next();
        },
      };
    },

    /** The status, reason and body of a refused handshake. */
    refused: (options: ConnectOptions = {}): Promise<{ status: number; reason: string; body: string }> =>
      new Promise((resolve, reject) => {
        const socket = open(options);
        socket.once("open", () => reject(new Error("the handshake was accepted")));
        socket.once("unexpected-response", (_, response) => {
          let body = "";
          response.on("data", (chunk: Buffer) => {
            body += chunk.toString();
          });
          const reason = String(response.headers["x-offline-aws-reason"]);
          response.on("end", () => resolve({ status: response.statusCode ?? 0, reason, body }));
        });
      }),

    /** The SDK's client of `@connections`, as an application makes it. */
    management: ({ stage = "prod", accessKeyId = "OPERATOR" } = {}): ApiGatewayManagementApiClient => {
      const client = new ApiGatewayManagementApiClient({
        endpoint: `http://127.0.0.1:${port}/${stage}`,
        region: "eu-central-1",
        credentials: { accessKeyId, secretAccessKey: "secret" },
        maxAttempts: 1,
      });
      onTestFinished(() => client.destroy());
      return client;
    },
  };
};

const play = async (body: TestFunction | undefined, event: TestEvent): Promise<Outcome> => {
  if (!body) throw new Error("no such function");
  try {
    return { kind: "returned", payload: (await body(event)) ?? null };
  } catch (error) {
    if (error instanceof Failure) return error.outcome;
    const { name, message } = error as Error;
    return { kind: "failed", errorType: name, errorMessage: message };
  }
};

/** Thrown by a test's function to end in an outcome that plain code cannot produce. */
export class Failure extends Error {
  readonly outcome: Outcome;
  constructor(outcome: Outcome) {
    super(outcome.kind);
    this.outcome = outcome;
  }
}

/** A promise that the test settles. */
export const createGate = <T = void>() => {
  let open: (value: T) => void = () => {};
  const passed = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { passed, open };
};

export const ok = (): unknown => ({ statusCode: 200 });

/** The answer of a function with a route response: the body of the message. */
export const echo: TestFunction = ({ body }) => ({ statusCode: 200, body });

/** An authorizer's result that allows every client. */
export const allow = (context?: Record<string, unknown>, resource: string | string[] = "*"): unknown => ({
  principalId: "user-1",
  policyDocument: {
    Version: "2012-10-17",
    Statement: [{ Action: "execute-api:Invoke", Effect: "Allow", Resource: resource }],
  },
  ...(context && { context }),
});
