import { Heartbeat } from "@lectern/core";
import { core } from "../core.js";
import { frameHandler } from "../socket-handler.js";

/** Heartbeats are by far the most frequent events, and their log lines say the least. */
const sampling = Number(process.env.HEARTBEAT_LOG_SAMPLING ?? 1);

export const handler = frameHandler(
  { operation: "heartbeat", sampling, latency: "HeartbeatLatency" },
  async ({ requestContext }) => Heartbeat.beat(core, requestContext),
);
