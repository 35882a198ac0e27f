import * as v from "valibot";
import { describeBuildError } from "../lambda/build-failure.js";
import { readLogLine } from "../log-text.js";
import type { Observer } from "../stack/stack.js";
import { colorsFor, type Output } from "./output.js";

/**
 * Writes a running stack's life as lines for a person. Functions' log lines go to `raw` instead, where it is given: as they
 * are written, metrics included, to be piped on.
 */
export const createConsole = (
  out: Output,
  now: () => number,
  raw?: Output,
): Required<
  Pick<
    Observer,
    | "onInvocation"
    | "onLog"
    | "onReload"
    | "onProgramChange"
    | "onAlarm"
    | "onNotification"
    | "onGatewayEvent"
    | "onFailureDelivered"
  >
> => {
  const color = colorsFor(out);
  const line = (text: string) =>
    out.write(`${color.dim(new Date(now()).toISOString().slice(11, 23))} ${text}\n`);

  /** One save is several events, and the sentence stays true until the restart that it asks for. */
  const announced = new Set<string>();

  return {
    onInvocation: ({ functionName, durationMs, initMs, outcome }) => {
      const time = `${durationMs.toFixed(0)} ms${initMs === undefined ? "" : ` + ${initMs.toFixed(0)} ms cold start`}`;
      const [paint, result] = {
        returned: () =>
          [color.green, statusIn(outcome.kind === "returned" ? outcome.payload : undefined)] as const,
        failed: () =>
          [
            color.red,
            outcome.kind === "failed" ? `${outcome.errorType}: ${outcome.errorMessage}` : "",
          ] as const,
        "timed-out": () => [color.red, "timed out"] as const,
        throttled: () => [color.yellow, "throttled"] as const,
      }[outcome.kind]();
      line(`${color.bold(functionName)}  ${time}  ${paint(result)}`);
    },
    onLog: ({ text, stream }) => {
      if (raw) return raw.write(`${text}\n`);
      if (stream === "stderr") return line(color.red(text));
      const said = readLogLine({ text, stream });
      // The status page shows what metrics say.
      if (said.level === "metric") return;
      const level = said.level === "info" ? "" : `${said.level.toUpperCase()} `;
      line(`  ${color.dim(`${level}${said.text}`)}`);
    },
    onReload: (event) => {
      if (event.kind === "reloaded") {
        const names = event.functions.length > 0 ? event.functions.join(", ") : "nothing changed";
        return line(color.cyan(`Reloaded in ${event.ms.toFixed(0)} ms: ${names}`));
      }
      for (const error of event.errors)
        line(color.red(`${describeBuildError(error)} (the last good code stays)`));
    },
    onProgramChange: (file) => {
      if (announced.has(file)) return;
      announced.add(file);
      line(color.yellow(`${file} has changed: restart to run with it`));
    },
    onGatewayEvent: (event) => {
      switch (event.kind) {
        case "refused":
          return line(color.yellow(`Handshake refused: ${event.status} ${event.reason}`));
        case "message-refused":
          return line(color.yellow(`Frame answered with "${event.message}": ${event.reason}`));
        case "callback-refused":
          return line(color.dim(`@connections ${event.method} answered ${event.status}: ${event.reason}`));
        case "abandoned":
          return line(color.dim("A client went away during its handshake"));
        default:
          return undefined;
      }
    },
    onAlarm: ({ name, from, state, reason }) => {
      const paint = state === "ALARM" ? color.red : state === "OK" ? color.green : color.dim;
      if (from !== "INSUFFICIENT_DATA" || state === "ALARM")
        line(paint(`Alarm ${name}: ${from} → ${state}. ${reason}`));
    },
    onNotification: ({ topicArn, subject }) => {
      // A new alarm's first OK is a message too, and says nothing.
      if (subject.startsWith("ALARM")) line(color.dim(`SNS ${topicArn.split(":").at(-1)}: ${subject}`));
    },
    onFailureDelivered: (destinationArn) =>
      line(color.red(`A stream record was given up and sent to ${destinationArn.split(":").at(-1)}`)),
  };
};

const payloadSchema = v.object({ statusCode: v.number() });

const statusIn = (payload: unknown): string => {
  const parsed = v.safeParse(payloadSchema, payload);
  return parsed.success ? String(parsed.output.statusCode) : "ok";
};
