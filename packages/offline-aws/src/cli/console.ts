import { describeBuildError } from "../lambda/bundle.js";
import { asText, type LogText, readLogLine } from "../log-text.js";
import type { Observer } from "../stack/stack.js";
import { describeInvocation, describeLog } from "./console-invocation.js";
import { colorsFor, type Output } from "./terminal.js";

/** A function that still runs after this long shows what it has logged so far. */
const holdMs = 1_000;

/** The log lines of an invocation under way. */
interface Held {
  readonly lines: LogText[];
  failed: boolean;
  readonly timer: NodeJS.Timeout;
}

/**
 * Prints what happens in a running stack, one line for each invocation. The line takes in the summary that the function
 * logged; other log lines stand below it. With `raw`, log lines go there as they are written, metrics included.
 */
export const createConsole = (out: Output, now: () => number, raw?: Output) => {
  const color = colorsFor(out);
  const line = (text: string) =>
    out.write(`${color.dim(new Date(now()).toISOString().slice(11, 23))} ${text}\n`);
  const writeBelow = (lines: readonly string[]) => {
    for (const text of lines) out.write(`${text}\n`);
  };

  const held = new Map<string, Held>();
  const hold = (functionName: string, requestId: string): Held => {
    const lines: LogText[] = [];
    const flush = () => {
      if (lines.length === 0) return;
      line(`${color.bold(functionName)}  ${color.dim("still runs")}`);
      writeBelow(lines.splice(0).flatMap((each) => describeLog(each, color)));
    };
    const entry = { lines, failed: false, timer: setTimeout(flush, holdMs).unref() };
    held.set(requestId, entry);
    return entry;
  };

  /** Several events can report one save, and the advice stays the same until the restart. */
  const announced = new Set<string>();

  return {
    onInvocation: (record) => {
      const logged = held.get(record.requestId);
      clearTimeout(logged?.timer);
      held.delete(record.requestId);
      const shown = describeInvocation(record, logged ?? { lines: [], failed: false }, color);
      if (!shown) return;
      line(shown.line);
      writeBelow(shown.below);
    },
    onLog: ({ functionName, requestId, text, stream }) => {
      raw?.write(`${text}\n`);
      const read = readLogLine({ text, stream });
      // The status page shows metrics.
      if (read.level === "metric") return;
      const entry = held.get(requestId) ?? hold(functionName, requestId);
      if (read.level === "error") entry.failed = true;
      if (!raw && asText(read) !== "") entry.lines.push(read);
    },
    onReload: (event) => {
      switch (event.kind) {
        case "begun":
          return line(color.cyan(`Rebuilding${event.file ? ` after ${event.file}` : ""}`));
        case "reloaded": {
          const took = `${(event.ms / 1000).toFixed(1)} s`;
          if (event.functions.length === 0) return line(color.cyan(`No function changed (${took})`));
          return line(color.cyan(`The new code of ${event.functions.join(", ")} serves after ${took}`));
        }
        case "failed":
          for (const error of event.errors)
            line(color.red(`${describeBuildError(error)} (the last good code stays)`));
          return;
        case "still-failing":
          return line(color.red("Still does not build: the same errors (the last good code stays)"));
      }
    },
    onProgramChange: (file) => {
      if (announced.has(file)) return;
      announced.add(file);
      line(color.yellow(`${file} has changed: restart to run with it`));
    },
    onGatewayEvent: (event) => {
      switch (event.kind) {
        case "refused":
          // The line of the function that chose the status shows it.
          if (event.byFunction) return;
          return line(color.yellow(`Handshake answered ${event.status}: ${event.reason}`));
        case "message-refused":
          return line(color.yellow(`Message answered with "${event.message}": ${event.reason}`));
        case "callback-refused":
          // Clients come and go: 410 says only that this one is not connected now.
          if (event.status === 410) return;
          return line(color.yellow(`@connections ${event.method} answered ${event.status}: ${event.reason}`));
        case "abandoned":
          return line(color.dim("A client left during its handshake"));
        default:
          return;
      }
    },
    onAlarm: ({ name, from, state, reason }) => {
      if (state === "ALARM") line(color.red(`Alarm ${name} went off. ${reason}`));
      else if (from === "ALARM") line(color.green(`Alarm ${name} is over: ${state}. ${reason}`));
    },
    onNotification: ({ topicArn, subject }) => {
      // A new alarm's first OK is a message too, and says nothing.
      if (subject.startsWith("ALARM")) line(color.dim(`SNS ${topicArn.split(":").at(-1)}: ${subject}`));
    },
    onFailureDelivered: (destinationArn) =>
      line(color.red(`A stream record was given up and sent to ${destinationArn.split(":").at(-1)}`)),
  } satisfies Observer;
};
