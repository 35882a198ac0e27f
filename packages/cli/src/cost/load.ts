import { text } from "../terminal/command.js";
import { type Bounds, numberIn } from "../terminal/value.js";
import type { Stage } from "./stage.js";
import { usage } from "./usage.js";

/** The use of a stage in a month. */
export type Load = Readonly<Record<keyof ReturnType<typeof parametersOf>, number>>;

/** One number of a load: its option, its default, and its bounds. */
interface Parameter extends Bounds {
  /** Default: the parameter's name. */
  readonly option?: string;
  /** The placeholder of the number in the help. Default: N. */
  readonly value?: string;
  readonly help: string;
  readonly standard: number;
}

const parametersOf = ({ settings }: Stage) =>
  ({
    sessions: {
      help: "Sessions a day. Default: 100.",
      standard: 100,
      least: 0,
      most: 1_000_000,
      whole: true,
    },
    listeners: {
      help: "Listeners in each session, all from its start. Default: 50.",
      standard: 50,
      least: 0,
      most: settings.maxListenersPerSession,
      mostWhy: "the stage's maxListenersPerSession",
      whole: true,
    },
    minutes: {
      help: "Minutes of a session. Default: 30.",
      standard: 30,
      least: 1,
      most: 1_440,
      mostWhy: "a day",
    },
    days: { help: "Days a month with sessions. Default: 30.", standard: 30, least: 0, most: 31, whole: true },
    heartbeat: {
      value: "SECONDS",
      help: "Time between two heartbeats of a connection. Default: the stage's heartbeatIntervalSeconds.",
      standard: settings.heartbeatIntervalSeconds,
      least: 60 / settings.rateLimitHeartbeatsPerMin,
      leastWhy: `the stage lets ${settings.rateLimitHeartbeatsPerMin} heartbeats a minute through`,
      most: 599,
      mostWhy: "API Gateway cuts a connection that is silent for 10 minutes",
    },
    speakers: {
      help: "Users who sign in a month. Default: 100.",
      standard: 100,
      least: 0,
      most: 1e8,
      whole: true,
    },
    leaving: {
      value: "SHARE",
      help: "Share of listeners, 0 to 1, who leave before their speaker does. Default: 0.",
      ...share(0),
    },
    logSampling: {
      option: "log-sampling",
      value: "SHARE",
      help: "Share of heartbeats, 0 to 1, that are logged. Default: the stage's heartbeatLogSampling.",
      ...share(settings.heartbeatLogSampling),
    },
    updates: {
      help: "Broadcast frames a minute to every listener. Default: 0.",
      standard: 0,
      least: 0,
      most: 6_000,
    },
  }) satisfies Record<string, Parameter>;

const share = (standard: number) => ({ standard, least: 0, most: 1 });

export const loadOptions: Readonly<Record<string, ReturnType<typeof text>>> = Object.fromEntries(
  Object.entries<Parameter>(parametersOf(usage.stage)).map(([name, { option = name, value = "N", help }]) => [
    option,
    text(value, help),
  ]),
);

/** @throws {UserError} naming the option that is out of bounds, and its bounds */
export const parseLoad = (given: Readonly<Record<string, unknown>>, stage: Stage): Load => {
  const parameters = parametersOf(stage);
  const number = (name: keyof Load): number => {
    const parameter: Parameter = parameters[name];
    const { option = name, standard } = parameter;
    const written = given[option];
    return written === undefined ? standard : numberIn(option, `${written}`, parameter);
  };
  return {
    sessions: number("sessions"),
    listeners: number("listeners"),
    minutes: number("minutes"),
    days: number("days"),
    heartbeat: number("heartbeat"),
    speakers: number("speakers"),
    leaving: number("leaving"),
    logSampling: number("logSampling"),
    updates: number("updates"),
  };
};

/** The load of the specification's estimate, with the stage's own settings. */
export const referenceLoad = (stage: Stage): Load => parseLoad({}, stage);
