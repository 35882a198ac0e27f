// node listener.mjs <url> <sessionId> <targetLanguage>
import WebSocket from "ws"; // not needed from Node 22 on
import { stayConnected } from "./connection.mjs";

const [url, sessionId, targetLanguage] = process.argv.slice(2);

const told = {
  sessionJoined: () => `Listening to ${sessionId} in ${targetLanguage}`,
  connectionRefreshComplete: () => "Refreshed",
  speakerReconnecting: () => "The speaker is reconnecting",
  speakerReconnected: () => "The speaker is back",
};

stayConnected({
  WebSocket,
  heartbeatMs: Number(process.env.HEARTBEAT_MS ?? 30_000),
  url,
  query: { action: "joinSession", sessionId, targetLanguage },
  onFrame: (frame) => told[frame.type] && console.log(told[frame.type](frame)),
  onLost: (why, waitMs) => console.log(`Lost (${why}): again in ${Math.ceil(waitMs / 1000)} s`),
  onOver: (frame) => {
    console.log(
      frame.type === "error" ? `Refused: ${frame.code}, ${frame.message}` : `Over: ${frame.message}`,
    );
    process.exitCode = frame.type === "error" ? 1 : 0;
  },
});
