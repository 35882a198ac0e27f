import * as v from "valibot";

// Each rule's message is the error code that a client gets when the rule is broken.

const sessionIdPattern = v.regex<string, "INVALID_SESSION_ID">(
  /^[a-z]{2,20}-[a-z]{2,20}-[1-9][0-9]{2}$/,
  "INVALID_SESSION_ID",
);

/** `golden-eagle-427`: an id that can be said aloud. */
export const sessionIdSchema = v.pipe(v.string("INVALID_PARAMETERS"), sessionIdPattern);

/** A minus sign is no dash to Unicode, but some keyboards type it. */
const separators = /[\s\p{Dash_Punctuation}\u2212]+/gu;

/** A session's id as people type it: in any case, with blanks or any dash between its parts. Becomes the canonical id. */
export const typedSessionIdSchema = v.pipe(
  v.string("INVALID_PARAMETERS"),
  v.transform((typed) => typed.trim().toLowerCase().replace(separators, "-")),
  sessionIdPattern,
);

/** ISO 639-1, two lower-case letters, or a regional code as Amazon Translate lists them (`pt-PT`). */
export const languageCodeSchema = v.pipe(
  v.string("INVALID_PARAMETERS"),
  v.regex(/^[a-z]{2}(-[A-Z]{2})?$/, "INVALID_LANGUAGE"),
);

export const qualityTierSchema = v.picklist(["standard", "premium"], "INVALID_PARAMETERS");

export const roleSchema = v.picklist(["speaker", "listener"], "INVALID_PARAMETERS");

/** Why a session ended. */
export const endReasonSchema = v.picklist(["speakerLeft", "speakerLost", "expired", "ended"]);

export type SessionId = v.InferOutput<typeof sessionIdSchema>;
export type LanguageCode = v.InferOutput<typeof languageCodeSchema>;
export type QualityTier = v.InferOutput<typeof qualityTierSchema>;
export type Role = v.InferOutput<typeof roleSchema>;
export type EndReason = v.InferOutput<typeof endReasonSchema>;
