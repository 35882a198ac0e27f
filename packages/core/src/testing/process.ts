import { setImmediate } from "node:timers/promises";
import type { Core } from "../port/core.js";
import type { Settings } from "../value/settings.js";

/** A call of the domain to DynamoDB (`UpdateItem`) or to a socket (`send`). Starts and ends are numbered in their order. */
export interface Call {
  readonly name: string;
  /** The table's name, or the connection's id. */
  readonly target: string;
  readonly begun: number;
  ended: number;
}

/** The length of the longest chain of calls in which each began after the previous one had ended. */
export const longestSequence = (calls: readonly Call[]): number => {
  const length = (call: Call): number =>
    1 + Math.max(0, ...calls.filter(({ ended }) => ended < call.begun).map(length));
  return Math.max(0, ...calls.map(length));
};

/** The error of every call of a killed process. The domain must not take it for any error that it knows. */
export class Killed extends Error {
  override readonly name = "Killed";
}

/** What all commands of `lib-dynamodb` have in common. */
interface DocumentCommand {
  readonly clientCommand: object;
  readonly input: { readonly TableName?: string };
}

/** Called before each call of a process; it may delay the call or fail it. */
export type Before = (call: Pick<Call, "name" | "target">) => Promise<void> | void;

/**
 * Holds back each call until the calls under way have ended, and then starts all that wait. So the longest sequence
 * follows from the code alone: on a slow table, one call of a pair could end before the other began.
 */
export const inStep = (calls: () => readonly Call[]): Before => {
  let start: Promise<void> | undefined;
  const next = async (): Promise<void> => {
    do await setImmediate();
    while (calls().some(({ ended }) => ended === Number.POSITIVE_INFINITY));
    start = undefined;
  };
  return () => {
    start ??= next();
    return start;
  };
};

export type Process = Core & { readonly calls: readonly Call[] };

/** Builds processes whose calls are recorded. They share the core's database client, which is costly to create. */
export const processesOf =
  (core: Core) =>
  (before: Before, settings: Partial<Settings> = {}): Process => {
    const calls: Call[] = [];
    let moment = 0;
    const around = async <Result>(name: string, target: string, act: () => Promise<Result>) => {
      moment += 1;
      const call: Call = { name, target, begun: moment, ended: Number.POSITIVE_INFINITY };
      await before(call);
      calls.push(call);
      try {
        return await act();
      } finally {
        moment += 1;
        call.ended = moment;
      }
    };
    const send = (command: DocumentCommand) =>
      around(
        command.clientCommand.constructor.name.replace("Command", ""),
        command.input.TableName ?? "",
        () => core.db.send(command as never),
      );
    const { sockets } = core;
    return {
      ...core,
      settings: { ...core.settings, ...settings },
      calls,
      // The domain calls nothing else of its client.
      db: { send } as unknown as Core["db"],
      sockets: {
        send: (id, frame) => around("send", id, () => sockets.send(id, frame)),
        close: (id) => around("close", id, () => sockets.close(id)),
        lastActiveAt: (id) => around("lastActiveAt", id, () => sockets.lastActiveAt(id)),
      },
    };
  };
