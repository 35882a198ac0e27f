import { performance } from "node:perf_hooks";
import { type Client, connect } from "@lectern/cli/client";
import { startIn } from "@lectern/cli/stack";
import { asDuration, quantile } from "@lectern/cli/statistic";
import type { Stack } from "offline-aws";
import type { Bench, Benchmark, Report } from "./benchmark.js";

const seats = 500;

/** More joins than seats: otherwise no seat could be sold twice. */
const surplus = 10;

interface Round {
  readonly joined: number;
  readonly refused: number;
  /** Outcomes that are neither a welcome nor `SESSION_FULL`. */
  readonly other: readonly string[];
  /** `getSessionStatus` after all have joined, and after all have left. */
  readonly countFull: number;
  readonly countEmpty: number;
  readonly joinsPerSecond: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
}

export const surge: Benchmark = {
  name: "surge",
  summary: `${seats} joins at once on one session: no seat lost, none sold twice.`,
  run: async ({ root, scope, say, rounds = 3 }: Bench): Promise<Report> => {
    say("Starting a stack for the surge");
    const settings = { maxListenersPerSession: String(seats) };
    const stack = await startIn(scope, { root, settings, schedules: false, observer: { say } });
    const token = stack.token({ username: "bench" });
    const speaker = await connect(stack.webSocketUrl, {
      action: "createSession",
      sourceLanguage: "en",
      token,
    });
    const { sessionId } = await speaker.next("sessionCreated");
    const results: Round[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      say(`Surge ${round} of ${rounds}: ${seats + surplus} joins at once on ${seats} seats`);
      results.push(await play(stack, speaker, sessionId, round));
    }
    await speaker.leave();
    await stack.stop();
    return report(results);
  },
};

const play = async (stack: Stack, speaker: Client, sessionId: string, round: number): Promise<Round> => {
  const count = async () =>
    (await speaker.ask({ action: "getSessionStatus" }, "sessionStatus")).listenerCount;
  const begun = performance.now();
  const outcomes = await Promise.all(
    Array.from({ length: seats + surplus }, (_, index) =>
      join(stack, sessionId, `10.${round}.${index >> 8}.${index & 255}`),
    ),
  );
  const welcomed = outcomes.flatMap((outcome) => ("client" in outcome ? [outcome] : []));
  const reasons = outcomes.flatMap((outcome) => ("why" in outcome ? [outcome.why] : []));
  const countFull = await count();
  await Promise.all(welcomed.map(({ client }) => client.leave()));
  // The gateway's disconnects begin after the sockets have closed: wait until only the speaker is connected.
  while (stack.connectionCount() > 1) await count();
  await stack.idle();
  const latencies = welcomed.map(({ at }) => at - begun);
  return {
    joined: welcomed.length,
    refused: reasons.filter((why) => why === "SESSION_FULL").length,
    other: reasons.filter((why) => why !== "SESSION_FULL"),
    countFull,
    countEmpty: await count(),
    joinsPerSecond: (1_000 * welcomed.length) / Math.max(...latencies),
    p50Ms: quantile(latencies, 0.5),
    p95Ms: quantile(latencies, 0.95),
  };
};

/** Joins and waits for the first frame: the welcome or the refusal. */
const join = async (
  stack: Stack,
  sessionId: string,
  address: string,
): Promise<{ readonly client: Client; readonly at: number } | { readonly why: string }> => {
  const query = { action: "joinSession", sessionId, targetLanguage: "es", errors: "frame" };
  try {
    const client = await connect(stack.webSocketUrl, query, { address });
    const frame = await Promise.race([client.next("sessionJoined"), client.next("error")]);
    if (frame.type === "sessionJoined") return { client, at: performance.now() };
    await client.closed;
    return { why: frame.code };
  } catch (error) {
    return { why: error instanceof Error ? error.message : String(error) };
  }
};

const report = (rounds: readonly Round[]): Report => ({
  title: `Surge: ${seats + surplus} joins at once on a session of ${seats} seats`,
  header: ["round", "joined", "refused", "counted", "after leaving", "joins/s", "welcome p50", "welcome p95"],
  rows: rounds.map((round, index) => [
    String(index + 1),
    ...[round.joined, round.refused, round.countFull, round.countEmpty].map(String),
    round.joinsPerSecond.toFixed(0),
    asDuration(round.p50Ms),
    asDuration(round.p95Ms),
  ]),
  notes: [
    "Clients, gateway, functions and DynamoDB share this machine: the times are not the service's alone.",
  ],
  exceeded: rounds.flatMap((round, index) =>
    [
      ...unequal("listeners joined", round.joined, seats),
      ...unequal("joins were refused with SESSION_FULL", round.refused, surplus),
      ...unequal("listeners counted after all joined", round.countFull, seats),
      ...unequal("listeners counted after all left", round.countEmpty, 0),
      ...[...new Set(round.other)].map((what) => `a join ended with ${what}`),
    ].map((sentence) => `round ${index + 1}: ${sentence}`),
  ),
  figures: rounds,
});

const unequal = (what: string, seen: number, expected: number): string[] =>
  seen === expected ? [] : [`${seen} ${what}, expected ${expected}`];
