import { setTimeout as pause } from "node:timers/promises";
import { type Fault, faultIn, refusedTokenIn } from "./log-line.js";
import { type Absence, groupOf, type Operator, type TableName } from "./operator.js";

/** The functions' names without the stage. */
export const functions = {
  authorizer: "session-authorizer",
  connect: "session-connection-handler",
  disconnect: "session-disconnect-handler",
  heartbeat: "session-heartbeat-handler",
  fallback: "session-default-handler",
  welcome: "session-welcome",
  announce: "session-announce",
} as const;

export type FunctionKey = keyof typeof functions;

/** What the logs of some functions tell since the run began. */
export type Finding =
  | { readonly kind: "fault"; readonly key: FunctionKey; readonly fault: Fault }
  /** `silent`: those that wrote nothing at all. */
  | { readonly kind: "none"; readonly silent: readonly FunctionKey[] }
  /** `absent`: there is no such log group, or function. */
  | { readonly kind: "unknown"; readonly why: string; readonly absent?: Absence };

/** How a table's stream reaches its function; `problem` is what Lambda says of the last batch, if that is one. */
export type Feed =
  | { readonly kind: "sound"; readonly problem?: string }
  | { readonly kind: "broken"; readonly cause: string; readonly absent?: Absence }
  | { readonly kind: "unknown"; readonly why: string };

/** What can be found out about a failure, as far as the credentials go. */
export interface Evidence {
  /** Physical names; with `<stage>` in them where that is not known. */
  nameOf(key: FunctionKey): string;
  tableOf(table: TableName): string;
  groupOf(key: FunctionKey): string;
  /** The newest fault of the first of these functions that has one. */
  faults(...keys: readonly FunctionKey[]): Promise<Finding>;
  /** As what the authorizer refused a token the last time: `UNAUTHORIZED`, `unknown`; undefined: it refused none. */
  refusedToken(): Promise<string | undefined>;
  feed(table: TableName, key: FunctionKey): Promise<Feed>;
}

export interface EvidenceOptions {
  readonly operator: Operator;
  readonly stage: string | undefined;
  /** When the run began, by the stage's clock (ms since the epoch). */
  readonly since: number;
  /** How long a log line may take to be found (ms): CloudWatch's do some seconds. */
  readonly patienceMs: number;
}

const lookAgainMs = 1_500;

const unknown = ({ why, absent }: { readonly why: string; readonly absent?: Absence }): Finding => ({
  kind: "unknown",
  why,
  ...(absent ? { absent } : {}),
});

export const createEvidence = ({ operator, stage, since, patienceMs }: EvidenceOptions): Evidence => {
  const physical = (name: string) => `${name}-${stage ?? "<stage>"}`;
  const nameOf = (key: FunctionKey) => physical(functions[key]);
  const tableOf = (table: TableName) => physical(table);

  const look = async (keys: readonly FunctionKey[]): Promise<Finding> => {
    const silent: FunctionKey[] = [];
    for (const key of keys) {
      const lines = await operator.lines(nameOf(key), since);
      if (!lines.known) return unknown(lines);
      const fault = lines.value.map(faultIn).findLast((found) => found !== undefined);
      if (fault) return { kind: "fault", key, fault };
      if (lines.value.length === 0) silent.push(key);
    }
    return { kind: "none", silent };
  };

  /** Silence tells only of who would have spoken: at logLevel WARN a function that goes well writes nothing. */
  const heard = async (finding: Finding): Promise<Finding> => {
    if (finding.kind !== "none" || finding.silent.length === 0) return finding;
    const telling: FunctionKey[] = [];
    let quiet: Finding | undefined;
    for (const key of finding.silent) {
      const name = nameOf(key);
      const isQuiet = await operator.isQuiet(name);
      if (!isQuiet.known) {
        quiet ??= isQuiet.absent
          ? unknown(isQuiet)
          : unknown({
              why: `${name} wrote no line, and whether its logLevel would let it is not known: ${isQuiet.why}`,
            });
      } else if (isQuiet.value) {
        quiet ??= unknown({
          why: `the logLevel of ${name} lets it write nothing but warnings and faults, and there is none`,
        });
      } else telling.push(key);
    }
    return telling.length === 0 && quiet ? quiet : { kind: "none", silent: telling };
  };

  /** Looks again until it is found, or no line can be on its way any more. */
  const patiently = async <Found>(
    lookOnce: () => Promise<Found>,
    isFound: (found: Found) => boolean,
  ): Promise<Found> => {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const found = await lookOnce();
      if (isFound(found) || performance.now() >= deadline) return found;
      await pause(lookAgainMs);
    }
  };

  return {
    nameOf,
    tableOf,
    groupOf: (key) => groupOf(nameOf(key)),
    faults: async (...keys) => {
      const finding = await patiently(
        () => look(keys),
        ({ kind }) => kind !== "none",
      );
      return heard(finding);
    },
    refusedToken: () =>
      patiently(
        async () => {
          const lines = await operator.lines(nameOf("authorizer"), since);
          if (!lines.known) return "unknown";
          return lines.value.map(refusedTokenIn).findLast((code) => code !== undefined);
        },
        (code) => code !== undefined,
      ),
    feed: async (table, key) => {
      const stream = await operator.hasStream(table);
      if (stream.known && !stream.value) {
        return {
          kind: "broken",
          cause: `the table ${tableOf(table)} has no stream, so nobody hears of its rows`,
        };
      }
      const mapping = await operator.mapping(table, nameOf(key));
      if (!mapping.known) {
        const { absent, why } = mapping;
        return absent ? { kind: "broken", cause: why, absent } : { kind: "unknown", why };
      }
      const { state, problem } = mapping.value;
      const way = `from the stream of ${tableOf(table)} to ${nameOf(key)}`;
      if (state === "missing") return { kind: "broken", cause: `there is no event-source mapping ${way}` };
      if (state !== "Enabled") {
        return { kind: "broken", cause: `the event-source mapping ${way} is ${state}` };
      }
      if (!stream.known) return { kind: "unknown", why: stream.why };
      return { kind: "sound", ...(problem ? { problem } : {}) };
    },
  };
};
