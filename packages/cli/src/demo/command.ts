import { UserError } from "offline-aws";
import type { Command } from "../terminal/given.js";
import type { Output } from "../terminal/output.js";
import { scoped } from "../terminal/scope.js";
import { createNarrator } from "./narrator.js";
import { play } from "./play.js";
import { latenciesOf, summarize } from "./summary.js";
import { findTarget } from "./target.js";

const mostListeners = 100;

/** How long the eye may rest between two scenes. */
const restMs = 700;

/** Plays a short session, and tells whether everything went as the protocol promises. */
export const demo: Command = {
  name: "demo",
  summary: "Play a short session: a speaker, listeners in three languages, a lost connection, an end.",
  call: "npm run demo --",
  options: {
    url: {
      type: "string",
      value: "URL",
      help: "Play against this endpoint. Default: the stack on port 4000, or else one of the demo's own.",
    },
    token: {
      type: "string",
      value: "TOKEN",
      help: "The speaker's token. Default: one of the local user pool.",
    },
    listeners: {
      type: "string",
      value: "N",
      help: `How many listeners in each language, at most ${mostListeners}. Default: 1.`,
    },
    json: { type: "boolean", help: "Print one JSON object at the end, and nothing else." },
  },
  run: (given) => {
    const listeners = parseListeners(given.text("listeners") ?? "1");
    const quiet = given.flag("json");
    return scoped(async (scope) => {
      const { url, token, what } = await scope.unlessInterrupted(
        findTarget({
          root: given.root,
          url: given.text("url"),
          token: given.text("token"),
          say: (line) => console.error(line),
          scope,
        }),
      );
      const narrator = createNarrator(quiet ? silence : process.stdout);
      narrator.say(`A session on ${what}`);
      const begun = performance.now();
      const playing = play({
        url,
        token,
        listeners,
        narrator,
        restMs: !quiet && process.stdout.isTTY ? restMs : 0,
        onOpen: (client) => scope.defer(() => client.socket.terminate()),
      });
      const played = await scope.unlessInterrupted(playing);
      const tookMs = performance.now() - begun;
      if (quiet) console.log(JSON.stringify(asJson(url, played, tookMs)));
      else summarize(played, narrator, tookMs);
      if (played.broken !== undefined) process.exitCode = 1;
    });
  },
};

const silence: Output = { write: () => undefined };

const parseListeners = (text: string): number => {
  const listeners = Number(text);
  if (!Number.isInteger(listeners) || listeners < 1 || listeners > mostListeners) {
    throw new UserError(`--listeners takes a whole number from 1 to ${mostListeners}, not ${text}.`);
  }
  return listeners;
};

const asJson = (url: string, played: Awaited<ReturnType<typeof play>>, tookMs: number) => ({
  ok: played.broken === undefined,
  url,
  sessionId: played.sessionId ?? null,
  tookMs,
  broken: played.broken ?? null,
  latencies: latenciesOf(played),
  promises: played.promises,
});
