import { type Flow, flowNames, type Usage, type Work } from "./usage.js";

const counted = ["handshakes", "messagesIn", "messagesOut", "otherCalls", "readUnits", "writeUnits"] as const;
const countedWork = ["invocations", "requests", "calls"] as const;

/** Ids and times make lines longer and shorter: this share and so many bytes more or less say nothing. */
const slack = { share: 0.25, bytes: 40 };

/**
 * What of a committed usage is not as it is measured, a sentence each. Counts must be the same, bytes nearly; times are
 * this machine's and do not matter.
 */
export const staleness = (committed: Usage, measured: Usage): string[] => [
  ...flowNames.flatMap((name) =>
    staleFlow(committed.flows[name], measured.flows[name]).map((what) => `${name}: ${what}`),
  ),
  ...unequal("metrics", committed.series.join(", "), measured.series.join(", ")),
  ...Object.entries(measured.stage).flatMap(([key, value]) =>
    unequal(
      `${measured.stage.name}'s ${key}`,
      JSON.stringify(Reflect.get(committed.stage, key)),
      JSON.stringify(value),
    ),
  ),
];

const staleFlow = (committed: Flow, measured: Flow): string[] => [
  ...counted.flatMap((figure) => unequal(figure, committed[figure], measured[figure])),
  ...[...new Set([...Object.keys(committed.functions), ...Object.keys(measured.functions)])].flatMap(
    (name) => {
      const [was, is] = [committed.functions[name], measured.functions[name]];
      if (!was || !is) return [`${name} ${is ? "has come" : "has gone"}`];
      return staleWork(was, is).map((what) => `${name}'s ${what}`);
    },
  ),
];

const staleWork = (committed: Work, measured: Work): string[] => [
  ...countedWork.flatMap((figure) => unequal(figure, committed[figure], measured[figure])),
  ...(["logBytes", "metricBytes"] as const).flatMap((figure) => {
    const [was, is] = [committed[figure], measured[figure]];
    const isNear = Math.abs(is - was) <= Math.max(slack.bytes, slack.share * was);
    return isNear ? [] : unequal(figure, was, is);
  }),
];

const unequal = (what: string, was: string | number | undefined, is: string | number): string[] =>
  was === is ? [] : [`${what} ${is}, in the file ${was ?? "nothing"}`];
