import { once } from "node:events";
import path from "node:path";
import { json } from "node:stream/consumers";
import * as v from "valibot";
import { listen } from "../server.js";
import { lookUp, make } from "./cloud.js";
import { type App, type FunctionBuild, functionBuildSchema, type Graph, type Resource } from "./graph.js";

/** The used part of `@pulumi/pulumi`; the module itself comes with SST's platform. */
interface PulumiRuntime {
  readonly runtime: {
    setMocks(mocks: Mocks, project: string, stack: string, preview: boolean): Promise<void>;
    getMonitor(): Monitor;
    runInPulumiStack(program: () => Promise<unknown>): Promise<unknown>;
    registerStackTransformation(transformation: (args: TransformationArgs) => undefined): void;
  };
  output(value: unknown): { apply(use: (resolved: unknown) => void): unknown };
}

interface Mocks {
  newResource(args: MockArgs): { id: string; state: Record<string, unknown> };
  call(args: { readonly token: string; readonly inputs: Record<string, unknown> }): Record<string, unknown>;
}

/** Receives the program's resources in the engine's place. */
interface Monitor {
  registerResource(request: Registration, callback: unknown): unknown;
}

interface Registration {
  getType(): string;
  getName(): string;
  /** The URNs of the resources that must exist first. */
  getDependenciesList(): string[];
}

interface MockArgs {
  readonly type: string;
  readonly name: string;
  readonly inputs: Resource["inputs"];
}

interface TransformationArgs {
  readonly type: string;
  readonly name: string;
  readonly opts: { readonly retainOnDelete?: boolean; readonly import?: unknown };
}

interface Program {
  readonly pulumi: PulumiRuntime;
  readonly app: App;
  readonly region: string;
  /** SST's runner, which wraps the program's `run`. */
  readonly run: (program: () => Promise<unknown>) => Promise<Record<string, unknown>>;
  readonly program: () => Promise<unknown>;
}

/** The evaluating process's message to its parent: the graph, or an error. */
export type Message =
  | { readonly kind: "graph"; readonly graph: Graph }
  | { readonly kind: "failed"; readonly name: string; readonly message: string; readonly stack: string };

/**
 * From now on an uncaught error is sent to the parent, and this process exits.
 * @public the bundle of the app calls it
 */
export const reportFailures = (): void => {
  const report = async (error: unknown): Promise<void> => {
    process.setSourceMapsEnabled(true);
    const { name, message, stack = "" } = error instanceof Error ? error : new Error(String(error));
    await tell({ kind: "failed", name, message, stack });
    process.exit(1);
  };
  process.on("unhandledRejection", report);
  process.on("uncaughtException", report);
};

/**
 * Evaluates the program and sends the graph to the parent process.
 * @public the bundle of the program calls it
 */
export const main = async (program: Program): Promise<void> => {
  // Pulumi reads the stack of every promise it makes; mapping those would be half of the evaluation's time.
  process.setSourceMapsEnabled(false);
  await tell({ kind: "graph", graph: await evaluate(program) });
  process.exit(0);
};

const tell = (message: Message): Promise<void> =>
  new Promise((resolve) => {
    process.send?.(message, undefined, {}, () => resolve());
  });

/**
 * Evaluates an infrastructure program with SST's real components under Pulumi's mocks: resources are recorded instead of
 * created.
 */
const evaluate = async ({ pulumi, app, region, run, program }: Program): Promise<Graph> => {
  const resources: Resource[] = [];
  const retained = new Set<string>();
  const adopted = new Map<string, string>();
  const functions = new Map<string, FunctionBuild>();
  await serveCli(functions);

  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        const made = make(type, name, inputs, region);
        resources.push({ type, name, id: made.id, inputs });
        return made;
      },
      call: ({ token, inputs }) => lookUp(token, inputs, region),
    },
    app.name,
    app.stage,
    false,
  );
  const dependencies = recordDependencies(pulumi.runtime.getMonitor());
  // Outputs resolve only after the resources that they come from.
  const resolved = new Promise<Record<string, unknown>>((resolve, reject) => {
    pulumi.runtime
      .runInPulumiStack(async () => {
        const outputs = await run(async () => {
          pulumi.runtime.registerStackTransformation(({ type, name, opts }) => {
            if (opts.retainOnDelete) retained.add(`${type}/${name}`);
            if (opts.import) adopted.set(`${type}/${name}`, String(opts.import));
            return undefined;
          });
          return program();
        });
        pulumi.output(outputs).apply((values) => resolve(v.parse(v.record(v.string(), v.unknown()), values)));
        return outputs;
      })
      .catch(reject);
  });
  const { _protect, ...outputs } = await resolved;
  // An `apply` may declare resources that no output waits for. As Pulumi's runtime does, wait until nothing is left to do.
  await once(process, "beforeExit");
  return {
    app,
    resources: resources.map((resource) => {
      const key = `${resource.type}/${resource.name}`;
      const adoptedFrom = adopted.get(key);
      const dependsOn = dependencies.get(key);
      return {
        ...resource,
        ...(dependsOn?.length ? { dependsOn } : {}),
        ...(retained.has(key) ? { retainOnDelete: true } : {}),
        ...(adoptedFrom === undefined ? {} : { adoptedFrom }),
      };
    }),
    functions: [...functions.values()],
    outputs,
    sources: [],
  };
};

/** Records the dependencies of each resource, which Pulumi does not pass to the mocks. */
const recordDependencies = (monitor: Monitor): ReadonlyMap<string, readonly string[]> => {
  const dependencies = new Map<string, readonly string[]>();
  const registerResource = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, callback) => {
    const key = `${request.getType()}/${request.getName()}`;
    dependencies.set(key, request.getDependenciesList().map(keyOf).sort());
    return registerResource(request, callback);
  };
  return dependencies;
};

/** `urn:pulumi:dev::app::Parent$aws:sns/topic:Topic::Alarms` → `aws:sns/topic:Topic/Alarms` */
const keyOf = (urn: string): string => {
  const [, , types = "", name] = urn.split("::");
  return `${types.split("$").at(-1)}/${name}`;
};

const callSchema = v.object({ method: v.string(), params: v.array(v.unknown()) });

/**
 * Stands in for the CLI's server, which components ask for the account's buckets and for builds of functions. Requests
 * keep the process alive; the server alone does not.
 */
const serveCli = async (functions: Map<string, FunctionBuild>): Promise<void> => {
  const answers: Record<string, (params: unknown) => unknown> = {
    "Provider.Aws.Bootstrap": () => ({
      asset: "offline-assets",
      assetEcrRegistryId: "0",
      assetEcrUrl: "offline-images",
      state: "offline-state",
      appsyncHttp: "",
      appsyncRealtime: "",
    }),
    "Runtime.Build": (params) => {
      const build = v.parse(functionBuildSchema, params);
      functions.set(build.functionID, build);
      // Functions are bundled when the stack starts; evaluating needs only their order.
      const out = process.env.SYNTH_EMPTY_BUNDLE ?? "";
      // SST declares an object for the source map beside the bundle.
      return { handler: "bundle.handler", out, errors: [], sourcemaps: [path.join(out, "bundle.mjs.map")] };
    },
  };
  const { server, port, serve } = await listen(0);
  serve(async (request, response) => {
    const { method, params } = v.parse(callSchema, await json(request));
    const result = answers[method]?.(params[0]) ?? {};
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ result }));
  });
  server.on("connection", (socket) => socket.unref());
  server.unref();
  process.env.SST_SERVER = `http://127.0.0.1:${port}`;
};
