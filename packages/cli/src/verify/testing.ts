import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import path from "node:path";
import type { Duplex } from "node:stream";
import { buffer } from "node:stream/consumers";
import { type Graph, type Resource, type Stack, startStack } from "offline-aws";
import { expect, vi } from "vitest";
import { graphOf } from "../../../../infra/testing/graph.js";
import { benchmarkAddress, localToken } from "../target.js";
import type { Check, Subject } from "./check.js";
import { checks, createVerification, type Result } from "./suite.js";
import { findTarget } from "./target.js";

export const root = path.resolve(import.meta.dirname, "../../../..");

/** The stage as it would be deployed. */
export const soundGraph = (): Promise<Graph> => graphOf("local");

/** Changes one resource, as a change by hand would; `undefined` removes it. */
export type Edit = (resource: Resource) => Resource | undefined;

/** @throws when an edit finds nothing to change */
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

/** Removes the resources that `is` finds. */
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

/** The route throws its function's answers away. */
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

/** Another value of one of a function's variables. */
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

/** API Gateway deploys a throttle that was left out as zero. */
export const withoutThrottle: Edit = (resource) =>
  resource.type === "aws:apigatewayv2/stage:Stage"
    ? { ...resource, inputs: { ...resource.inputs, defaultRouteSettings: {} } }
    : resource;

/** A function's role without this action, on resources whose ARN contains `on`. */
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

/** Starts a stage from a graph, without schedules. */
export const startFrom = (graph: Graph): Promise<Stack> => startStack({ root, graph, schedules: false });

/** The subject that the command makes of a stack. */
export const subjectAt = async (stack: Stack, change: Partial<Subject> = {}): Promise<Subject> => {
  const target = await findTarget({ url: stack.webSocketUrl });
  const { url, stage, pool, operator, local, now } = target;
  return {
    url,
    token: local ? await localToken(root, local, "verify") : "",
    stage,
    pool,
    operator,
    refreshMinutes: undefined,
    now,
    since: now(),
    handshakeMs: 10_000,
    limitMs: 5_000,
    patienceMs: 0,
    address: benchmarkAddress(),
    judgesSpeed: false,
    roundTrip: async () => 0,
    pause: async (ms) => stack.clock.advance(ms),
    say: () => undefined,
    ...change,
  };
};

/** Makes these checks and ends what is left over. Results by the check's name. */
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

/** How long a frame that never comes is waited for (ms). */
const brokenMs = 8_000;

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
    // No socket is left open, whatever was found.
    await vi.waitFor(() => expect(stack.connectionCount()).toBe(0));
    return results;
  } finally {
    await stack.stop();
  }
};

/** A request to Cognito: `AdminCreateUser`, and for which user. */
export interface Called {
  readonly operation: string;
  readonly username: unknown;
}

/** A proxy before a stack that records the requests to Cognito. */
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
      // The stack gives its own address: clients must come back to the proxy.
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

/** The app client allows only these ways to sign in. */
export const withAuthFlows =
  (...explicitAuthFlows: readonly string[]): Edit =>
  (resource) =>
    resource.type === "aws:cognito/userPoolClient:UserPoolClient"
      ? { ...resource, inputs: { ...resource.inputs, explicitAuthFlows } }
      : resource;
