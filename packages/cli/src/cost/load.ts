import { UserError } from "offline-aws";
import type { Command, Given } from "../terminal/given.js";
import type { Stage } from "./resources.js";

/** How much a stage is used in a month. */
export interface Load {
  /** A day. */
  readonly sessions: number;
  /** In each session, all of them from its start. */
  readonly listeners: number;
  /** Of a session. */
  readonly minutes: number;
  /** Days a month with such sessions. */
  readonly days: number;
  /** Seconds between two heartbeats of a connection. */
  readonly heartbeat: number;
  /** Users who sign in during the month. */
  readonly speakers: number;
  /** The share of listeners, 0 to 1, who leave by themselves before the speaker does. */
  readonly leaving: number;
  /** The share of good heartbeats, 0 to 1, that are logged and timed. */
  readonly logSampling: number;
  /** Frames a minute that each listener gets besides. */
  readonly updates: number;
}

/** The load that the specification's estimate is for. */
export const referenceLoad = (stage: Stage): Load => ({
  sessions: 100,
  listeners: 50,
  minutes: 30,
  days: 30,
  heartbeat: stage.settings.heartbeatIntervalSeconds,
  speakers: 100,
  leaving: 0,
  logSampling: stage.settings.heartbeatLogSampling,
  updates: 0,
});

export const loadOptions: Command["options"] = {
  sessions: { type: "string", value: "N", help: "Sessions a day. Default: 100." },
  listeners: { type: "string", value: "N", help: "Listeners in each session. Default: 50." },
  minutes: { type: "string", value: "N", help: "Minutes that a session lasts. Default: 30." },
  days: { type: "string", value: "N", help: "Days a month with such sessions. Default: 30." },
  heartbeat: {
    type: "string",
    value: "SECONDS",
    help: "Between two heartbeats of a connection. Default: the stage's heartbeatIntervalSeconds.",
  },
  speakers: { type: "string", value: "N", help: "Users who sign in during the month. Default: 100." },
  leaving: {
    type: "string",
    value: "SHARE",
    help: "The share of listeners, 0 to 1, who leave before their speaker does. Default: 0.",
  },
  "log-sampling": {
    type: "string",
    value: "SHARE",
    help: "The share of heartbeats, 0 to 1, that are logged. Default: the stage's heartbeatLogSampling.",
  },
  updates: {
    type: "string",
    value: "N",
    help: "Frames a minute to every listener, from the translation pipeline. Default: 0.",
  },
};

/** API Gateway cuts a connection on which nothing has moved for so long (s). */
const idleLimitSeconds = 600;

interface Bounds {
  readonly least: number;
  /** Why not less or more, for the sentence. */
  readonly leastWhy?: string;
  readonly most: number;
  readonly mostWhy?: string;
  readonly whole?: boolean;
}

/** @throws {UserError} naming the option that cannot be, and what it may be */
export const parseLoad = (given: Pick<Given, "text">, stage: Stage): Load => {
  const { rateLimitHeartbeatsPerMin, maxListenersPerSession } = stage.settings;
  const standard = referenceLoad(stage);
  const number = (option: string, standing: number, bounds: Bounds): number => {
    const text = given.text(option);
    if (text === undefined) return standing;
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    const { least, most, whole = false } = bounds;
    if (value >= least && value <= most && !(whole && !Number.isInteger(value))) return value;
    throw new UserError(`--${option} takes ${inWords(bounds)}, not ${text}.`);
  };
  return {
    sessions: number("sessions", standard.sessions, { least: 0, most: 1_000_000, whole: true }),
    listeners: number("listeners", standard.listeners, {
      least: 0,
      most: maxListenersPerSession,
      mostWhy: "the stage's maxListenersPerSession",
      whole: true,
    }),
    minutes: number("minutes", standard.minutes, { least: 1, most: 1_440, mostWhy: "a day" }),
    days: number("days", standard.days, { least: 0, most: 31, whole: true }),
    heartbeat: number("heartbeat", standard.heartbeat, {
      least: 60 / rateLimitHeartbeatsPerMin,
      leastWhy: `the stage lets ${rateLimitHeartbeatsPerMin} heartbeats a minute through`,
      most: idleLimitSeconds - 1,
      mostWhy: "API Gateway cuts a connection that is silent for 10 minutes",
    }),
    speakers: number("speakers", standard.speakers, { least: 0, most: 100_000_000, whole: true }),
    leaving: number("leaving", standard.leaving, { least: 0, most: 1 }),
    logSampling: number("log-sampling", standard.logSampling, { least: 0, most: 1 }),
    updates: number("updates", standard.updates, { least: 0, most: 6_000 }),
  };
};

const inWords = ({ least, leastWhy, most, mostWhy, whole }: Bounds): string => {
  const why = (text: string | undefined) => (text ? ` (${text})` : "");
  return `a ${whole ? "whole number" : "number"} from ${least}${why(leastWhy)} to ${most}${why(mostWhy)}`;
};
