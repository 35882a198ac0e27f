import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import path from "node:path";
import type { Duplex } from "node:stream";
import { buffer } from "node:stream/consumers";
import { type Graph, type Resource, type Stack, startStack, synth } from "offline-aws";
import { expect, vi } from "vitest";
import { benchmarkAddress } from "../address.js";
import type { Check, Subject } from "./check.js";
import { roundTrip } from "./round-trip.js";
import { checks, createVerification, type Result } from "./suite.js";
import { findTarget, ownToken, type Wanted } from "./target.js";

export const root = path.resolve(import.meta.dirname, "../../../..");

/** Says nothing of what is wanted. */
export const nothingWanted: Wanted = {
  root,
  url: undefined,
  outputs: undefined,
  stage: undefined,
  region: undefined,
  userPoolId: undefined,
  clientId: undefined,
};

let evaluated: Promise<Graph> | undefined;

/** The stage as it would be deployed; evaluated once in each test file. */
export const soundGraph = (): Promise<Graph> => {
  evaluated ??= synth({ root, stage: "local" });
  return evaluated;
};

/** Changes one resource as somebody does who breaks a stage by hand; `undefined` takes it away. */
export type Edit = (resource: Resource) => Resource | undefined;

/** @throws an edit that finds nothing to change breaks nothing */
export const broken = (graph: Graph, edits: readonly Edit[]): Graph => ({
  ...graph,
  resources: edits.reduce<readonly Resource[]>((resources, edit) => {
    const edited = resources.map(edit);
    if (edited.every((resource, index) => resource === resources[index])) {
      throw new Error("An edit found nothing to break");
    }
    return edited.filter((resource) => resource !== undefined);
  }, graph.resources),
});

/** Takes away what `is` finds. */
const without =
  (type: string, is: (inputs: Resource["inputs"]) => boolean): Edit =>
  (resource) =>
    resource.type === type && is(resource.inputs) ? undefined : resource;

const changed =
  (type: string, name: string, change: Resource["inputs"]): Edit =>
  (resource) =>
    resource.type === type && resource.inputs.name === name
      ? { ...resource, inputs: { ...resource.inputs, ...change } }
      : resource;

export const withoutRoute = (routeKey: string): Edit =>
  without("aws:apigatewayv2/route:Route", (inputs) => inputs.routeKey === routeKey);

/** The route answers nobody any more, though its function does. */
export const withoutAnswer = (routeKey: string): Edit =>
  changedRoute(routeKey, { routeResponseSelectionExpression: "" });

export const withoutAuthorizer: Edit = (resource) =>
  changedRoute("$connect", { authorizationType: "NONE", authorizerId: "" })(resource);

const changedRoute =
  (routeKey: string, change: Resource["inputs"]): Edit =>
  (resource) =>
    resource.type === "aws:apigatewayv2/route:Route" && resource.inputs.routeKey === routeKey
      ? { ...resource, inputs: { ...resource.inputs, ...change } }
      : resource;

export const withoutMapping = (functionName: string): Edit =>
  without(
    "aws:lambda/eventSourceMapping:EventSourceMapping",
    (inputs) => inputs.functionName === `${functionName}-local`,
  );

export const withoutStream = (table: string): Edit =>
  changed("aws:dynamodb/table:Table", `${table}-local`, { streamEnabled: false });

/** The function cannot start. */
export const withoutSettings = (functionName: string): Edit =>
  changed("aws:lambda/function:Function", `${functionName}-local`, { environment: { variables: {} } });

/** A function that was deployed with another value of one of its variables. */
export const withVariable =
  (functionName: string, name: string, value: string): Edit =>
  (resource) => {
    if (
      resource.type !== "aws:lambda/function:Function" ||
      resource.inputs.name !== `${functionName}-local`
    ) {
      return resource;
    }
    const { variables } = resource.inputs.environment as { readonly variables: Record<string, string> };
    const environment = { variables: { ...variables, [name]: value } };
    return { ...resource, inputs: { ...resource.inputs, environment } };
  };

/** As API Gateway deploys a throttle that was not set with its other settings. */
export const withoutThrottle: Edit = (resource) =>
  resource.type === "aws:apigatewayv2/stage:Stage"
    ? { ...resource, inputs: { ...resource.inputs, defaultRouteSettings: {} } }
    : resource;

/** The role of a function may no longer do this, on resources whose ARN holds `on`. */
export const withoutPermission =
  (graph: Graph, functionName: string, action: string, on = ""): Edit =>
  (resource) => {
    if (resource.type !== "aws:iam/role:Role" || resource.inputs.name !== roleOf(graph, functionName)) {
      return resource;
    }
    const policies = resource.inputs.inlinePolicies as readonly { readonly policy: string }[];
    const inlinePolicies = policies.map(({ policy, ...rest }) => {
      const document = JSON.parse(policy) as { readonly Statement: readonly Statement[] };
      const Statement = document.Statement.flatMap((statement) => {
        const { Action, Resource } = statement;
        if (!Action.includes(action)) return statement;
        return [
          { ...statement, Action: Action.filter((allowed) => allowed !== action) },
          { ...statement, Action: [action], Resource: Resource.filter((arn) => !arn.includes(on)) },
        ].filter((left) => left.Action.length > 0 && left.Resource.length > 0);
      });
      return { ...rest, policy: JSON.stringify({ ...document, Statement }) };
    });
    return { ...resource, inputs: { ...resource.inputs, inlinePolicies } };
  };

interface Statement {
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
}

const roleOf = ({ resources }: Graph, functionName: string): string => {
  const fn = resources.find(
    ({ type, inputs }) => type === "aws:lambda/function:Function" && inputs.name === `${functionName}-local`,
  );
  return String(fn?.inputs.role).split("/").at(-1) ?? "";
};

/** Starts a stage from a graph, with time standing still but for the clock's own. */
export const startFrom = (graph: Graph): Promise<Stack> => startStack({ root, graph, schedules: false });

/** What a verification of this stack is about, as the command makes it. */
export const subjectAt = async (stack: Stack, change: Partial<Subject> = {}): Promise<Subject> => {
  const target = await findTarget({ ...nothingWanted, url: stack.webSocketUrl });
  const { url, stage, pool, operator, local, now } = target;
  const { userPoolId = "", clientId = "" } = pool;
  return {
    url,
    token: local ? await ownToken(root, local) : "",
    stage,
    pool: { userPoolId, clientId },
    operator,
    refreshMinutes: undefined,
    now,
    since: now(),
    handshakeMs: 10_000,
    limitMs: 5_000,
    patienceMs: 0,
    address: benchmarkAddress(),
    roundTrip: () => roundTrip(url),
    pause: async (ms) => stack.clock.advance(ms),
    say: () => undefined,
    ...change,
  };
};

/** Makes all checks, or those named, and ends what is left over. Results by the check's name. */
export const performAll = async (
  subject: Subject,
  made: readonly Check[] = checks,
): Promise<ReadonlyMap<string, Result>> => {
  const { perform, finish } = createVerification(subject);
  const results = new Map<string, Result>();
  try {
    for (const check of made) results.set(check.name, await perform(check));
  } finally {
    await finish();
  }
  return results;
};

/** What never comes is waited for no longer than this (ms). */
const brokenMs = 3_000;

/** Starts a broken stage, verifies it, and stops it. */
export const verifyBroken = async (
  edits: (graph: Graph) => readonly Edit[],
  made: readonly Check[] = checks,
  change: Partial<Subject> = {},
): Promise<ReadonlyMap<string, Result>> => {
  const graph = await soundGraph();
  const stack = await startFrom(broken(graph, edits(graph)));
  try {
    const results = await performAll(await subjectAt(stack, { limitMs: brokenMs, ...change }), made);
    // Whatever was found, nobody is left behind.
    await vi.waitFor(() => expect(stack.connectionCount()).toBe(0));
    return results;
  } finally {
    await stack.stop();
  }
};

/** What was asked of a stack's services: `AdminCreateUser` and for which user. */
export interface Called {
  readonly operation: string;
  readonly username: unknown;
}

/** Stands before a stack and writes down what Cognito is asked, with everything passed on. */
export const startRecorder = async (stack: Stack) => {
  const calls: Called[] = [];
  const { hostname: host, port } = new URL(stack.httpUrl);
  const server = http.createServer(async (incoming, outgoing) => {
    const body = await buffer(incoming);
    const target = String(incoming.headers["x-amz-target"] ?? "");
    if (target.startsWith("AWSCognito")) {
      const operation = target.split(".")[1] ?? "";
      calls.push({ operation, username: JSON.parse(body.toString()).Username });
    }
    const { method, url: path, headers } = incoming;
    const request = http.request({ host, port, method, path, headers }, async (response) => {
      const answer = (await buffer(response)).toString();
      const { "content-length": _length, ...rest } = response.headers;
      // Whoever asks the stack where it is, is told to come by here.
      outgoing.writeHead(response.statusCode ?? 500, rest).end(answer.replaceAll(stack.httpUrl, url));
    });
    request.end(body);
  });
  server.on("upgrade", ({ url: path, headers }: http.IncomingMessage, socket: Duplex) => {
    const onward = net.connect(Number(port), host, () => {
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
      onward.write([`GET ${path} HTTP/1.1`, ...lines, "", ""].join("\r\n"));
      socket.pipe(onward).pipe(socket);
    });
    socket.on("error", () => onward.destroy());
    onward.on("error", () => socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  return {
    url,
    webSocketUrl: stack.webSocketUrl.replace(stack.httpUrl.replace("http", "ws"), url.replace("http", "ws")),
    calls,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
};

/** The app client lets users in by these ways only. */
export const withAuthFlows =
  (...explicitAuthFlows: readonly string[]): Edit =>
  (resource) =>
    resource.type === "aws:cognito/userPoolClient:UserPoolClient"
      ? { ...resource, inputs: { ...resource.inputs, explicitAuthFlows } }
      : resource;
