import { asDuration } from "@lectern/cli/statistic";
import { functions } from "../../../../infra/functions.js";
import { settingsFor } from "../../../../infra/settings.js";
import { type Benchmark, budgets, type Report } from "./benchmark.js";

const sessions = 100;

/** Of an account and region, shared by messages, handshakes and calls of `@connections`. */
const quota = { requests: 10_000, connections: 500 };

/** A new table's stream has four shards, and each may have ten invocations at once. */
const lanes = 40;

/**
 * Listeners that one invocation could tell and close in a second without a pace: at 512 MB it has 0.29 of a CPU, and two
 * calls and a deletion cost 1.2 ms of one.
 */
const unpacedPerLane = 240;

export const noon: Benchmark = {
  name: "noon",
  summary: `What ${sessions} full sessions that end at the same time ask of the account's quota.`,
  run: async (): Promise<Report> => report(model()),
};

export interface Noon {
  /** Requests a second, each at its most. */
  readonly heartbeats: number;
  readonly announcements: number;
  readonly disconnects: number;
  readonly handshakes: number;
  readonly together: number;
  readonly unpaced: number;
  readonly allSeconds: number;
  readonly sessionSeconds: number;
}

/** Arithmetic on the settings of `prod`: no account is at hand, and a laptop opens no 50,000 sockets. */
export const model = (settings = settingsFor("prod")): Noon => {
  const { maxListenersPerSession, heartbeatIntervalSeconds, fanOutRequestsPerSecond } = settings;
  const clients = sessions * (maxListenersPerSession + 1);
  // A frame and its acknowledgement.
  const heartbeats = (2 * clients) / heartbeatIntervalSeconds;
  // A post and a close for each client. Each close also invokes the route $disconnect, which may count.
  const disconnects = fanOutRequestsPerSecond / 2;
  // A handshake and its welcome.
  const handshakes = 2 * quota.connections;
  const callsOf = (count: number) => 2 * count;
  const lane = fanOutRequestsPerSecond / Math.min(lanes, sessions);
  return {
    heartbeats,
    announcements: fanOutRequestsPerSecond,
    disconnects,
    handshakes,
    together: heartbeats + fanOutRequestsPerSecond + disconnects + handshakes,
    unpaced: lanes * unpacedPerLane * 2,
    allSeconds: callsOf(clients) / fanOutRequestsPerSecond,
    sessionSeconds: callsOf(maxListenersPerSession + 1) / lane,
  };
};

const timeoutSeconds = Number.parseInt(functions.Announce.timeout, 10);

const report = (figures: Noon): Report => {
  const { heartbeats, announcements, disconnects, handshakes, together, unpaced } = figures;
  const { allSeconds, sessionSeconds } = figures;
  const rate = (value: number) => `${value.toFixed(0)}/s`;
  return {
    title: `Noon: ${sessions} full sessions end at the same time`,
    header: ["what", "at most", "budget"],
    rows: [
      ["heartbeats and their acknowledgements", rate(heartbeats), ""],
      ["announcements: posts and closes, at fanOutRequestsPerSecond", rate(announcements), ""],
      ["$disconnect of the closed", rate(disconnects), ""],
      [`${quota.connections} handshakes a second, with welcomes`, rate(handshakes), ""],
      ["together", rate(together), `≤ ${rate(quota.requests)}`],
      ["announcements without a pace", rate(unpaced), ""],
      [
        "until the last client is told and closed",
        asDuration(1_000 * allSeconds),
        `≤ ${budgets.noonSeconds} s`,
      ],
      ["one session, beside 39 others", asDuration(1_000 * sessionSeconds), `≤ ${timeoutSeconds} s`],
    ],
    notes: ["Arithmetic on the settings of prod and the account's default quotas, not a measurement."],
    exceeded: [
      ...(together > quota.requests ? [`${rate(together)} together, quota ${rate(quota.requests)}`] : []),
      ...(allSeconds > budgets.noonSeconds
        ? [`${asDuration(1_000 * allSeconds)} for all, budget ${budgets.noonSeconds} s`]
        : []),
      ...(sessionSeconds > timeoutSeconds
        ? [`${asDuration(1_000 * sessionSeconds)} for one session, timeout ${timeoutSeconds} s`]
        : []),
    ],
    figures,
  };
};
