import { asDuration, median } from "../statistic.js";
import { table } from "../terminal/table.js";
import type { Measure } from "./cast.js";
import type { Narrator } from "./narrator.js";
import type { Played } from "./play.js";

/** The specification's targets (ms): the 95th percentile must meet them. */
const targetsMs: Readonly<Record<Measure, number | undefined>> = {
  sessionCreated: 2_000,
  sessionJoined: 1_000,
  heartbeatAck: 100,
  connectionRefreshComplete: undefined,
};

const measures = ["sessionCreated", "sessionJoined", "heartbeatAck", "connectionRefreshComplete"] as const;

/** The latencies of each frame that came. `met` is by the median: a handful of samples has no 95th percentile. */
export const latenciesOf = ({ latencies }: Played) =>
  measures.flatMap((frame) => {
    const samples = latencies[frame];
    if (samples.length === 0) return [];
    const [targetMs, medianMs] = [targetsMs[frame], median(samples)];
    return {
      frame,
      count: samples.length,
      minMs: Math.min(...samples),
      medianMs,
      maxMs: Math.max(...samples),
      targetMs,
      met: targetMs === undefined ? undefined : medianMs <= targetMs,
    };
  });

/** Prints the latencies and the promises. */
export const summarize = (played: Played, { say, color }: Narrator, tookMs: number): void => {
  const latencies = latenciesOf(played).map(({ frame, count, minMs, medianMs, maxMs, targetMs, met }) => [
    frame,
    String(count),
    ...[minMs, medianMs, maxMs].map(asDuration),
    targetMs === undefined ? "–" : `≤ ${targetMs < 1_000 ? `${targetMs} ms` : `${targetMs / 1_000} s`}`,
    met === undefined ? "" : met ? "met" : "missed",
  ]);
  const promises = played.promises.map(({ promise, kept, tookMs: took, seen }) => [
    kept ? "kept" : "broken",
    promise,
    seen || "as promised",
    asDuration(took),
  ]);
  const paints = {
    header: color.dim,
    cells: { met: color.green, missed: color.yellow, kept: color.green, broken: color.red },
  };
  say("");
  if (latencies.length > 0) {
    say(table(["frame", "times", "min", "median", "max", "target", "by median"], latencies, paints));
    say("");
  }
  say(table(["", "promised", "seen", "took"], promises, paints));
  say("");
  const { broken } = played;
  say(
    broken === undefined
      ? color.green(`All ${promises.length} promises were kept, in ${asDuration(tookMs)}.`)
      : color.red(broken),
  );
};
