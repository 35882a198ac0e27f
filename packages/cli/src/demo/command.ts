import type { Output } from "offline-aws/terminal";
import { defineCommand, jsonFlag, text } from "../terminal/command.js";
import { scoped } from "../terminal/scope.js";
import { countIn } from "../terminal/value.js";
import { createNarrator } from "./narrator.js";
import { type Played, play } from "./play.js";
import { latenciesOf, summarize } from "./summary.js";
import { findTarget } from "./target.js";

const mostListeners = 100;

/** The pause before each scene on a terminal, so that a person can follow. */
const restMs = 700;

/** Plays a short session, and reports whether the protocol's promises were kept. */
export const demo = defineCommand({
  meta: {
    name: "npm run demo --",
    description: "Play a short session: a speaker, listeners in three languages, a lost connection, an end.",
  },
  args: {
    url: text("URL", "The endpoint to play against. Default: the stack on port 4000, or else a new one."),
    token: text("TOKEN", "The speaker's token. Default: one of the local user pool."),
    listeners: text("N", `How many listeners in each language, at most ${mostListeners}. Default: 1.`),
    json: jsonFlag,
  },
  run: ({ args }) => {
    const { json: quiet = false } = args;
    const listeners = countIn("listeners", args.listeners ?? "1", mostListeners);
    return scoped(async (scope) => {
      const finding = findTarget(process.cwd(), args, scope);
      const { url, token, what } = await scope.unlessInterrupted(finding);
      const narrator = createNarrator(quiet ? silence : process.stdout);
      narrator.say(`A session on ${what}`);
      const begun = performance.now();
      const playing = play({
        url,
        token,
        listeners,
        narrator,
        restMs: !quiet && process.stdout.isTTY ? restMs : 0,
        onBegin: scope.defer,
      });
      const played = await scope.unlessInterrupted(playing);
      const tookMs = performance.now() - begun;
      if (quiet) console.log(JSON.stringify(asJson(url, played, tookMs)));
      else summarize(played, narrator, tookMs);
      if (played.broken !== undefined) process.exitCode = 1;
    });
  },
});

const silence: Output = { write: () => undefined };

const asJson = (url: string, played: Played, tookMs: number) => ({
  ok: played.broken === undefined,
  url,
  sessionId: played.sessionId ?? null,
  tookMs,
  broken: played.broken ?? null,
  latencies: latenciesOf(played),
  promises: played.promises,
});
