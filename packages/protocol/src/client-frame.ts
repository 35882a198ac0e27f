import * as v from "valibot";
import { typedSessionIdSchema } from "./field.js";

export const heartbeatFrameSchema = v.object({ action: v.literal("heartbeat") });

/** Asks for a confirmation that this connection is in place. */
export const refreshFrameSchema = v.object({
  action: v.literal("refreshConnection"),
  sessionId: typedSessionIdSchema,
});

/** Frames that only a session's speaker may send. */
export const speakerFrameSchema = v.variant(
  "action",
  [v.object({ action: v.literal("getSessionStatus") }), v.object({ action: v.literal("endSession") })],
  "INVALID_ACTION",
);

/** All frames that a client sends. */
export const clientFrameSchema = v.variant(
  "action",
  [heartbeatFrameSchema, refreshFrameSchema, ...speakerFrameSchema.options],
  "INVALID_ACTION",
);

export type ClientFrame = v.InferOutput<typeof clientFrameSchema>;
