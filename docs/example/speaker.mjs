// TOKEN=<jwt> node speaker.mjs <url> <sourceLanguage>      then type `status` or `end`
import { createInterface } from "node:readline";
import WebSocket from "ws"; // not needed from Node 22 on
import { stayConnected } from "./connection.mjs";

const [url, sourceLanguage] = process.argv.slice(2);

const told = {
  sessionCreated: ({ sessionId }) => `Session ${sessionId} is open`,
  connectionRefreshComplete: () => "Refreshed",
  sessionStatus: ({ listenerCount, languageDistribution }) =>
    `${listenerCount} listening: ${JSON.stringify(languageDistribution)}`,
  error: ({ code, message }) => `Refused: ${code}, ${message}`, // the answer to the typed line
};

const connection = stayConnected({
  WebSocket,
  heartbeatMs: Number(process.env.HEARTBEAT_MS ?? 30_000),
  url,
  query: { action: "createSession", sourceLanguage },
  token: () => process.env.TOKEN, // ask your sign-in library here: a token lives an hour, a session may live longer
  onFrame: (frame) => told[frame.type] && console.log(told[frame.type](frame)),
  onLost: (why, waitMs) => console.log(`Lost (${why}): again in ${Math.ceil(waitMs / 1000)} s`),
  onOver: (frame) => {
    console.log(
      frame.type === "error" ? `Refused: ${frame.code}, ${frame.message}` : `Over: ${frame.message}`,
    );
    process.exit(frame.type === "error" ? 1 : 0);
  },
});

const actions = { status: "getSessionStatus", end: "endSession" };
createInterface({ input: process.stdin }).on("line", (line) =>
  connection.send({ action: actions[line] ?? line }),
);
