import diagnostics from "node:diagnostics_channel";
import http from "node:http";
import { accessKeyOf, type Observer, type Stack } from "@lectern/local";
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
  readonly startedAt: number;
}

/** What the functions of a stack did since the last `clear`. */
export interface Recorder {
  readonly observer: Observer;
  /** Tells the recorder whose access keys and whose `@connections` it sees. */
  attach(stack: Pick<Stack, "functionOf" | "httpUrl">): void;
  readonly requests: readonly Request[];
  readonly calls: readonly Call[];
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
  const invocations = new Map<string, number>();
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
    const { url = "", headers } = parsed.output.request;
    if (!url.includes("/@connections/") || headers.host !== new URL(stack.httpUrl).host) return;
    const functionName = stack.functionOf(accessKeyOf(headers.authorization));
    if (functionName !== undefined) calls.push({ functionName, startedAt: performance.now() });
  };
  diagnostics.subscribe("http.server.request.start", onHttp);

  return {
    observer: {
      onRequest,
      onInvocation: ({ functionName }) => {
        invocations.set(functionName, (invocations.get(functionName) ?? 0) + 1);
        firstEnded.set(functionName, firstEnded.get(functionName) ?? performance.now());
        onInvoked();
      },
    },
    attach: (started) => {
      stack = started;
    },
    requests,
    calls,
    firstEnd: (functionName) => firstEnded.get(functionName) ?? Number.POSITIVE_INFINITY,
    clear: () => {
      requests.length = 0;
      calls.length = 0;
      invocations.clear();
      firstEnded.clear();
    },
    invoked: (counts) =>
      new Promise((resolve) => {
        onInvoked = () => {
          const enough = Object.entries(counts).every(
            ([name, count]) => (invocations.get(name) ?? 0) >= count,
          );
          if (enough) resolve();
        };
        onInvoked();
      }),
    close: () => void diagnostics.unsubscribe("http.server.request.start", onHttp),
  };
};
