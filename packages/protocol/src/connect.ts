import * as v from "valibot";
import { languageCodeSchema, qualityTierSchema, typedSessionIdSchema } from "./field.js";

/** `true` or `false`, as a query parameter spells it. */
const flagSchema = v.pipe(
  v.picklist(["true", "false"], "INVALID_PARAMETERS"),
  v.transform((value) => value === "true"),
);

/**
 * The query of a handshake, after percent-decoding. The token is not part of this schema: the authorizer
 * reads it, from the query or from the subprotocol `bearer.<jwt>`.
 */
export const connectQuerySchema = v.variant(
  "action",
  [
    v.object({
      action: v.literal("createSession"),
      sourceLanguage: languageCodeSchema,
      qualityTier: v.optional(qualityTierSchema, "standard"),
      sharedNetwork: v.optional(flagSchema, "false"),
    }),
    v.object({
      action: v.literal("joinSession"),
      sessionId: typedSessionIdSchema,
      targetLanguage: languageCodeSchema,
    }),
    v.variant("role", [
      v.object({
        action: v.literal("refreshConnection"),
        role: v.literal("speaker"),
        sessionId: typedSessionIdSchema,
        ticket: v.optional(v.string()),
      }),
      v.object({
        action: v.literal("refreshConnection"),
        role: v.literal("listener"),
        sessionId: typedSessionIdSchema,
        targetLanguage: languageCodeSchema,
        ticket: v.optional(v.string()),
      }),
    ]),
  ],
  "INVALID_ACTION",
);

export type ConnectQuery = v.InferOutput<typeof connectQuerySchema>;

/** Clients that send their token as a subprotocol must offer this one too: the handshake echoes it. */
export const subprotocol = "lectern.v1";

/** The prefix of a token that is sent as a subprotocol. */
export const bearerPrefix = "bearer.";
