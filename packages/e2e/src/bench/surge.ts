import { performance } from "node:perf_hooks";
import { type Client, connect } from "@lectern/cli/client";
import { startIn } from "@lectern/cli/stack";
import { asDuration, quantile } from "@lectern/cli/statistic";
import { notCome, within } from "@lectern/cli/within";
import type { Stack } from "offline-aws";
import type { Bench, Benchmark, Report } from "./benchmark.js";

const seats = 500;

/** More joins than seats: otherwise no seat could be sold twice. */
const surplus = 10;

const limitMs = 600_000;

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
    const speaker = await connect(stack.webSocketUrl, {
      action: "createSession",
      sourceLanguage: "en",
      token: stack.token({ username: "bench" }),
    });
    const { sessionId } = await speaker.next("sessionCreated");
    const results: Round[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      say(`Surge ${round} of ${rounds}: ${seats + surplus} joins at once on ${seats} seats`);
      results.push(
        await within(limitMs, notCome("The end of the surge"), play(stack, speaker, sessionId, round)),
      );
    }
    await speaker.leave();
    await stack.stop();
    return report(results);
  },
};

const play = async (stack: Stack, speaker: Client, sessionId: string, round: number): Promise<Round> => {
  const begun = performance.now();
  const outcomes = await Promise.all(
    Array.from({ length: seats + surplus }, (_, index) => join(stack, sessionId, addressOf(round, index))),
  );
  const welcomes = outcomes.flatMap((outcome) => (outcome.kind === "joined" ? [outcome] : []));
  const reasons = outcomes.flatMap((outcome) => (outcome.kind === "not joined" ? [outcome.why] : []));
  const last = Math.max(...welcomes.map(({ at }) => at));
  const countFull = await count(speaker);
  await Promise.all(welcomes.map(({ client }) => client.leave()));
  const countEmpty = await emptied(stack, speaker);
  const latencies = welcomes.map(({ tookMs }) => tookMs);
  return {
    joined: welcomes.length,
    refused: reasons.filter((why) => why === "SESSION_FULL").length,
    other: reasons.filter((why) => why !== "SESSION_FULL"),
    countFull,
    countEmpty,
    joinsPerSecond: (1_000 * welcomes.length) / (last - begun),
    p50Ms: quantile(latencies, 0.5),
    p95Ms: quantile(latencies, 0.95),
  };
};

type Outcome =
  | { readonly kind: "joined"; readonly client: Client; readonly tookMs: number; readonly at: number }
  | { readonly kind: "not joined"; readonly why: string };

/** Joins and waits for the first frame: the welcome or the refusal. */
const join = async (stack: Stack, sessionId: string, address: string): Promise<Outcome> => {
  const query = { action: "joinSession", sessionId, targetLanguage: "es", errors: "frame" };
  const begun = performance.now();
  try {
    const client = await connect(stack.webSocketUrl, query, { address });
    const frame = await Promise.race([client.next("sessionJoined"), client.next("error")]);
    const at = performance.now();
    if (frame.type === "sessionJoined") return { kind: "joined", client, tookMs: at - begun, at };
    await client.closed;
    return { kind: "not joined", why: frame.code };
  } catch (error) {
    return { kind: "not joined", why: error instanceof Error ? error.message : String(error) };
  }
};

const count = async (speaker: Client): Promise<number> =>
  (await speaker.ask({ action: "getSessionStatus" }, "sessionStatus")).listenerCount;

/** The count after the functions have heard of every closed socket. */
const emptied = async (stack: Stack, speaker: Client): Promise<number> => {
  for (;;) {
    await stack.idle();
    const left = await count(speaker);
    // Only the speaker is connected and nothing runs: a count that is still above zero stays.
    if (left <= 0 || (stack.connectionCount() === 1 && (await settled(stack, speaker, left)))) return left;
  }
};

const settled = async (stack: Stack, speaker: Client, left: number): Promise<boolean> => {
  await stack.idle();
  return (await count(speaker)) === left;
};

const addressOf = (round: number, index: number): string => `10.${round}.${index >> 8}.${index & 255}`;

const report = (rounds: readonly Round[]): Report => ({
  title: `Surge: ${seats + surplus} joins at once on a session of ${seats} seats`,
  header: ["round", "joined", "refused", "counted", "after leaving", "joins/s", "welcome p50", "welcome p95"],
  rows: rounds.map((round, index) => [
    String(index + 1),
    String(round.joined),
    String(round.refused),
    String(round.countFull),
    String(round.countEmpty),
    round.joinsPerSecond.toFixed(0),
    asDuration(round.p50Ms),
    asDuration(round.p95Ms),
  ]),
  notes: [
    "Clients, gateway, functions and DynamoDB share this machine: the times are not the service's alone.",
  ],
  exceeded: rounds.flatMap((round, index) => [
    ...wrong(index, "listeners joined", round.joined, seats),
    ...wrong(index, "refused with SESSION_FULL", round.refused, surplus),
    ...wrong(index, "counted after all joined", round.countFull, seats),
    ...wrong(index, "counted after all left", round.countEmpty, 0),
    ...[...new Set(round.other)].map((what) => `round ${index + 1}: a join ended with ${what}`),
  ]),
  figures: rounds,
});

const wrong = (index: number, what: string, seen: number, expected: number): string[] =>
  seen === expected ? [] : [`round ${index + 1}: ${seen} ${what}, expected ${expected}`];
