import * as v from "valibot";
import { errorCodeSchema } from "./error.js";
import {
  endReasonSchema,
  languageCodeSchema,
  qualityTierSchema,
  roleSchema,
  sessionIdSchema,
} from "./field.js";

const frame = <const Type extends string, const Fields extends v.ObjectEntries>(type: Type, fields: Fields) =>
  v.object({
    type: v.literal(type),
    /** Milliseconds since the epoch, when the frame was made. */
    timestamp: v.number(),
    ...fields,
  });

const connectionIdSchema = v.string();

/**
 * The URL for connections, without the query: `wss://live.example.com` or `wss://<api>/prod`. Without TLS only on the
 * client's own machine, because speakers send their tokens to it.
 */
export const webSocketUrlSchema = v.pipe(
  v.string(),
  v.regex(/^(wss:\/\/[^\s/?#@]+|ws:\/\/(localhost|127\.0\.0\.1)(:\d+)?)(\/[^\s?#]*)?$/),
);

/** Frames that the server sends. Every time in them is in milliseconds since the epoch. */
export const serverFrameSchema = v.variant("type", [
  frame("sessionCreated", {
    sessionId: sessionIdSchema,
    sourceLanguage: languageCodeSchema,
    qualityTier: qualityTierSchema,
    connectionId: connectionIdSchema,
    expiresAt: v.number(),
    ticket: v.string(),
  }),
  frame("sessionJoined", {
    sessionId: sessionIdSchema,
    targetLanguage: languageCodeSchema,
    sourceLanguage: languageCodeSchema,
    connectionId: connectionIdSchema,
    ticket: v.string(),
  }),
  frame("heartbeatAck", {}),
  frame("sessionStatus", {
    sessionId: sessionIdSchema,
    isActive: v.boolean(),
    listenerCount: v.number(),
    /** Listeners by target language: `{"es": 12}`. */
    languageDistribution: v.record(languageCodeSchema, v.number()),
  }),
  frame("connectionRefreshRequired", {
    sessionId: sessionIdSchema,
    role: roleSchema,
    targetLanguage: v.optional(languageCodeSchema),
    ticket: v.string(),
    /** Where to open the new connection; absent for the URL of this one. */
    url: v.optional(webSocketUrlSchema),
    /** When this connection will be cut, unless it is replaced before. */
    deadline: v.number(),
    message: v.string(),
  }),
  frame("connectionWarning", { remainingMinutes: v.number(), message: v.string() }),
  frame("connectionRefreshComplete", {
    sessionId: sessionIdSchema,
    role: roleSchema,
    targetLanguage: v.optional(languageCodeSchema),
    sourceLanguage: languageCodeSchema,
    connectionId: connectionIdSchema,
    ticket: v.string(),
  }),
  frame("speakerReconnecting", { sessionId: sessionIdSchema }),
  frame("speakerReconnected", { sessionId: sessionIdSchema }),
  frame("sessionEnded", { sessionId: sessionIdSchema, reason: endReasonSchema, message: v.string() }),
  frame("error", {
    code: errorCodeSchema,
    message: v.string(),
    status: v.number(),
    retryable: v.boolean(),
    /** Seconds until the same request may succeed. */
    retryAfter: v.optional(v.number()),
    details: v.optional(v.record(v.string(), v.string())),
  }),
]);

export type ServerFrame = v.InferOutput<typeof serverFrameSchema>;

/** The frame of one `type`. */
export type FrameOf<Type extends ServerFrame["type"]> = Extract<ServerFrame, { type: Type }>;
