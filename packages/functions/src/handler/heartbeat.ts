import { Heartbeat } from "@lectern/core";
import { core } from "../core.js";
import { frames } from "../edge.js";

/** Heartbeats are by far the most lines and say the least. */
const sampling = Number(process.env.HEARTBEAT_LOG_SAMPLING ?? 1);

export const handler = frames(
  { operation: "heartbeat", sampling, latency: "HeartbeatLatency" },
  async ({ requestContext }) => Heartbeat.beat(core, requestContext),
);
