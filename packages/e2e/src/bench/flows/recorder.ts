import diagnostics from "node:diagnostics_channel";
import http from "node:http";
import { accessKeyOf, type Observer, type Stack } from "offline-aws";
import * as v from "valibot";

/** A DynamoDB request of a function. Times are those of `performance.now()`. */
export interface Request {
  readonly functionName: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly readUnits: number;
  readonly writeUnits: number;
}

/** A call of `@connections` by a function: `POST` sends a frame, `DELETE` closes, `GET` asks for the state. */
interface Call {
  readonly functionName: string;
  readonly method: string;
  readonly startedAt: number;
}

type Invocation = Parameters<NonNullable<Observer["onInvocation"]>>[0] & { readonly endedAt: number };
type Line = Parameters<NonNullable<Observer["onLog"]>>[0];

/** The work of a stack's functions. */
export interface Recording {
  readonly requests: readonly Request[];
  readonly calls: readonly Call[];
  /** The invocations that have ended. */
  readonly invocations: readonly Invocation[];
  /** Log lines and metric lines. */
  readonly lines: readonly Line[];
}

export type Recorder = ReturnType<typeof createRecorder>;

type Recorded = Pick<Stack, "functionOf" | "httpUrl">;

/** Node's message about each request that a server of this process receives. */
const startedSchema = v.object({ request: v.instance(http.IncomingMessage) });

const empty = () => ({
  requests: [] as Request[],
  calls: [] as Call[],
  invocations: [] as Invocation[],
  lines: [] as Line[],
});

export const createRecorder = () => {
  let stack: Recorded | undefined;
  let recording = empty();
  const keys = new Map<string, string>();
  let onInvoked: () => void = () => undefined;
  /** The functions that have made a request and not ended since, each with what waits for its end. */
  const running = new Map<string, (() => void)[]>();

  // The gateway reports only the calls that it refuses, but its server runs in this process.
  const onHttp = (message: unknown): void => {
    const parsed = v.safeParse(startedSchema, message);
    if (!parsed.success || !stack) return;
    const { url = "", method = "", headers } = parsed.output.request;
    if (!url.includes("/@connections/") || headers.host !== new URL(stack.httpUrl).host) return;
    const functionName = stack.functionOf(accessKeyOf(headers.authorization));
    if (functionName !== undefined) {
      recording.calls.push({ functionName, method, startedAt: performance.now() });
    }
  };
  diagnostics.subscribe("http.server.request.start", onHttp);

  const observer: Observer = {
    onRequest: ({ accessKeyId, durationMs, consumedReadUnits, consumedWriteUnits }) => {
      const functionName = stack?.functionOf(accessKeyId);
      if (functionName === undefined || accessKeyId === undefined) return;
      keys.set(functionName, accessKeyId);
      if (!running.has(functionName)) running.set(functionName, []);
      // The record's own start is by the clock that the flows set.
      const endedAt = performance.now();
      recording.requests.push({
        functionName,
        startedAt: endedAt - durationMs,
        endedAt,
        readUnits: consumedReadUnits,
        writeUnits: consumedWriteUnits,
      });
    },
    onInvocation: (invocation) => {
      recording.invocations.push({ ...invocation, endedAt: performance.now() });
      const waiting = running.get(invocation.functionName) ?? [];
      running.delete(invocation.functionName);
      for (const resume of waiting) resume();
      onInvoked();
    },
    onLog: (line) => void recording.lines.push(line),
  };
  return {
    observer,
    /** Tells the recorder which stack it observes. Nothing is recorded before. */
    attach: (started: Recorded): void => {
      stack = started;
    },
    /** Returns the recording since the last call, and begins a new one. */
    take: (): Recording => {
      const taken = recording;
      recording = empty();
      return taken;
    },
    /** Resolves when each function has ended so many invocations in this recording. */
    invoked: (counts: Readonly<Record<string, number>>): Promise<void> =>
      new Promise((resolve) => {
        onInvoked = () => {
          const { invocations } = recording;
          const ended = (name: string) => invocations.filter(({ functionName }) => functionName === name);
          if (Object.entries(counts).every(([name, count]) => ended(name).length >= count)) resolve();
        };
        onInvoked();
      }),
    /** Resolves when none of these functions is between its first request and its end. */
    ended: async (functionNames: readonly string[]): Promise<void> => {
      for (const name of functionNames) {
        const waiting = running.get(name);
        if (waiting) await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
    /** The access key that a function signs with. @throws {Error} when it has made no request yet */
    keyOf: (functionName: string): string => {
      const key = keys.get(functionName);
      if (key === undefined) throw new Error(`${functionName} has made no request`);
      return key;
    },
    close: (): void => void diagnostics.unsubscribe("http.server.request.start", onHttp),
  };
};
