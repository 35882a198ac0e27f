import { type ConnectQuery, connectQuerySchema, type Role, type ServerFrame } from "@lectern/protocol";
import type { JsonSchema } from "@valibot/to-json-schema";
import type * as v from "valibot";

const [create, join, refresh] = connectQuerySchema.options;
const [refreshSpeaker, refreshListener] = refresh.options;

type FieldOf<Query> = Query extends unknown ? keyof Query : never;

/** What a handshake's query may carry beside the token; the last is read by refusals. */
type Parameter = FieldOf<ConnectQuery> | "errors";

/** One way to connect. */
export interface Handshake {
  /** What it is called in the documents. */
  readonly name: "createSession" | "joinSession" | "refreshSpeaker" | "refreshListener";
  readonly title: string;
  readonly says: string;
  readonly role: Role;
  readonly schema: v.GenericSchema;
  /** The first frame when all goes well. */
  readonly welcomes: readonly ServerFrame["type"][];
  readonly example: Readonly<Record<string, string>>;
}

const sessionId = "golden-eagle-427";

export const handshakes: readonly Handshake[] = [
  {
    name: "createSession",
    title: "Create a session",
    says: "A signed-in speaker opens a session.",
    role: "speaker",
    schema: create,
    welcomes: ["sessionCreated"],
    example: { action: "createSession", sourceLanguage: "en" },
  },
  {
    name: "joinSession",
    title: "Join a session",
    says: "A listener joins a session, without signing in.",
    role: "listener",
    schema: join,
    welcomes: ["sessionJoined"],
    example: { action: "joinSession", sessionId, targetLanguage: "es" },
  },
  {
    name: "refreshSpeaker",
    title: "Refresh a speaker's connection",
    says: "The session's speaker takes it over with a new connection: before the old one is cut, after it was lost, or from another place: the old one, if it is still there, is told and closed. The same user only.",
    role: "speaker",
    schema: refreshSpeaker,
    welcomes: ["connectionRefreshComplete"],
    example: { action: "refreshConnection", role: "speaker", sessionId },
  },
  {
    name: "refreshListener",
    title: "Refresh a listener's connection",
    says: "A listener's new connection takes the place of the one that the ticket names. Without a valid ticket for this session and language it is an ordinary join.",
    role: "listener",
    schema: refreshListener,
    welcomes: ["connectionRefreshComplete", "sessionJoined"],
    example: {
      action: "refreshConnection",
      role: "listener",
      sessionId,
      targetLanguage: "es",
      ticket: "eyJjb25uZWN0aW9uSWQiOiJMMFNNOWNPRnZIY0NJaHc9In0.q3Zk1v0cWm8",
    },
  },
];

export const parameters: Readonly<Record<Parameter, string>> = {
  action: "What the connection is for.",
  sourceLanguage: "The language that the speaker speaks: any that Amazon Translate translates from.",
  qualityTier: "How well the session is translated.",
  sharedNetwork:
    "Whether the listeners share one address, as in a hall: joins to this session are then not limited by address.",
  sessionId: "The session's id, in lower case whatever people type.",
  targetLanguage:
    "The language to hear: any that Amazon Translate translates to and Amazon Polly speaks with a neural voice.",
  role: "The connection's role.",
  ticket:
    "What `connectionRefreshRequired` brought. A speaker's is not needed, but with it the old connection is not told that it was replaced.",
  errors: "`frame`: accept the socket even to refuse it, and say why in an `error` frame.",
};

/** A token is read by the authorizer, whoever brings it. */
export const token: Readonly<Record<Role, { readonly needed: string; readonly says: string }>> = {
  speaker: {
    needed: "yes, here or as a subprotocol",
    says: "An ID or access token of the stage's user pool and app client, unless it travels as a subprotocol.",
  },
  listener: {
    needed: "no",
    says: "A listener needs none. A good one changes nothing, a bad one is refused.",
  },
};

/** The query parameters that the schemas do not know. */
export const tokenParameter = (role: Role): JsonSchema => ({ type: "string", description: token[role].says });
export const errorsParameter: JsonSchema = {
  type: "string",
  enum: ["frame"],
  description: parameters.errors,
};
