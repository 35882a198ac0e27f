import diagnostics from "node:diagnostics_channel";
import http from "node:http";
import { accessKeyOf, type Observer, type Stack } from "offline-aws";
import * as v from "valibot";
import type { Span } from "./sequence.js";

/** A DynamoDB request of a function. */
export interface Request extends Span {
  readonly functionName: string;
  readonly operation: string;
  readonly readUnits: number;
  readonly writeUnits: number;
}

/** A call of `@connections` by a function. */
interface Call {
  readonly functionName: string;
  /** `POST` sends a frame, `DELETE` closes, `GET` asks. */
  readonly method: string;
  readonly startedAt: number;
}

type Invocation = Parameters<NonNullable<Observer["onInvocation"]>>[0];
type Line = Parameters<NonNullable<Observer["onLog"]>>[0];

/** What the functions of a stack did since the last `clear`. */
export interface Recorder {
  readonly observer: Observer;
  /** Tells the recorder whose access keys and whose `@connections` it sees. */
  attach(stack: Pick<Stack, "functionOf" | "httpUrl">): void;
  readonly requests: readonly Request[];
  readonly calls: readonly Call[];
  /** Those that have ended. */
  readonly invocations: readonly Invocation[];
  /** What the functions wrote, log and metrics, in the order of its coming. */
  readonly lines: readonly Line[];
  /** When a function's first invocation since then ended, as the requests' times. */
  firstEnd(functionName: string): number;
  clear(): void;
  /** Resolves once each function has ended as many invocations since the last `clear`. */
  invoked(counts: Readonly<Record<string, number>>): Promise<void>;
  close(): void;
}

type RequestRecord = Parameters<NonNullable<Observer["onRequest"]>>[0];

/** What Node tells of each request that one of its servers gets. */
const startedSchema = v.object({ request: v.instance(http.IncomingMessage) });

export const createRecorder = (): Recorder => {
  let stack: Pick<Stack, "functionOf" | "httpUrl"> | undefined;
  const requests: Request[] = [];
  const calls: Call[] = [];
  const invocations: Invocation[] = [];
  const lines: Line[] = [];
  const firstEnded = new Map<string, number>();
  let onInvoked: () => void = () => undefined;

  const onRequest = (record: RequestRecord): void => {
    const functionName = stack?.functionOf(record.accessKeyId);
    if (functionName === undefined) return;
    // A record's own start is in whole milliseconds by a clock that the flows set; its end is now.
    const endedAt = performance.now();
    requests.push({
      functionName,
      operation: record.operation,
      startedAt: endedAt - record.durationMs,
      endedAt,
      readUnits: record.consumedReadUnits,
      writeUnits: record.consumedWriteUnits,
    });
  };

  // The gateway reports of `@connections` only what it refuses, but its server runs in this process.
  const onHttp = (message: unknown): void => {
    const parsed = v.safeParse(startedSchema, message);
    if (!parsed.success || !stack) return;
    const { url = "", method = "", headers } = parsed.output.request;
    if (!url.includes("/@connections/") || headers.host !== new URL(stack.httpUrl).host) return;
    const functionName = stack.functionOf(accessKeyOf(headers.authorization));
    if (functionName !== undefined) calls.push({ functionName, method, startedAt: performance.now() });
  };
  diagnostics.subscribe("http.server.request.start", onHttp);

  return {
    observer: {
      onRequest,
      onInvocation: (invocation) => {
        const { functionName } = invocation;
        invocations.push(invocation);
        firstEnded.set(functionName, firstEnded.get(functionName) ?? performance.now());
        onInvoked();
      },
      onLog: (line) => void lines.push(line),
    },
    attach: (started) => {
      stack = started;
    },
    requests,
    calls,
    invocations,
    lines,
    firstEnd: (functionName) => firstEnded.get(functionName) ?? Number.POSITIVE_INFINITY,
    clear: () => {
      requests.length = 0;
      calls.length = 0;
      invocations.length = 0;
      lines.length = 0;
      firstEnded.clear();
    },
    invoked: (counts) =>
      new Promise((resolve) => {
        onInvoked = () => {
          const enough = Object.entries(counts).every(
            ([name, count]) =>
              invocations.filter(({ functionName }) => functionName === name).length >= count,
          );
          if (enough) resolve();
        };
        onInvoked();
      }),
    close: () => void diagnostics.unsubscribe("http.server.request.start", onHttp),
  };
};
