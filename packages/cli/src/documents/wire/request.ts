import {
  type ClientFrame,
  type ConnectQuery,
  connectQuerySchema,
  type Role,
  type ServerFrame,
} from "@lectern/protocol";
import type { JsonSchema } from "@valibot/to-json-schema";
import type * as v from "valibot";

// The requests of clients: handshakes and frames.

const [create, join, refresh] = connectQuerySchema.options;
const [refreshSpeaker, refreshListener] = refresh.options;

/** One way to connect. */
export interface Handshake {
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
    title: "Refresh as the speaker",
    says: "The session's speaker (the same user) continues on a new connection: before the old one is cut, after it was lost, or on another device.",
    role: "speaker",
    schema: refreshSpeaker,
    welcomes: ["connectionRefreshComplete"],
    example: { action: "refreshConnection", role: "speaker", sessionId },
  },
  {
    name: "refreshListener",
    title: "Refresh as a listener",
    says: "A new connection replaces the one that the ticket names. Without a valid ticket for this session and language it replaces none, and counts as an ordinary join.",
    role: "listener",
    schema: refreshListener,
    welcomes: ["connectionRefreshComplete"],
    example: {
      action: "refreshConnection",
      role: "listener",
      sessionId,
      targetLanguage: "es",
      ticket: "eyJjb25uZWN0aW9uSWQiOiJMMFNNOWNPRnZIY0NJaHc9In0.q3Zk1v0cWm8",
    },
  },
];

type FieldOf<Query> = Query extends unknown ? keyof Query : never;

/** Every parameter of a handshake's query. The schemas do not know the last two. */
export const parameters: Readonly<Record<FieldOf<ConnectQuery> | "token" | "errors", string>> = {
  action: "What the connection is for.",
  role: "The connection's role.",
  sessionId: "The session's id. The server takes any case, and blanks or any dash for `-`.",
  sourceLanguage: "The language that the speaker speaks: any that Amazon Translate translates from.",
  targetLanguage:
    "The language to hear: any that Amazon Translate translates to and Amazon Polly speaks with a neural voice.",
  qualityTier: "How well the session is translated.",
  sharedNetwork:
    "Whether the listeners share one address, as in a hall: joins are then not limited by address.",
  ticket:
    "The newest one, from a welcome or `connectionRefreshRequired`. A speaker needs none, but with it the old connection is not told `replaced`.",
  token:
    "An ID or access token of the stage's user pool, here or as a subprotocol. A listener needs none; a bad one is refused.",
  errors: "`frame`: accept the socket even to refuse it, and send the reason in an `error` frame.",
};

/** The parameters that the schemas do not know. */
export const furtherParameters: Readonly<Record<string, JsonSchema>> = {
  token: { type: "string", description: parameters.token },
  errors: { type: "string", enum: ["frame"], description: parameters.errors },
};

type Action = ClientFrame["action"];

/** The description of one frame from the client. */
export interface ClientFrameDescription<Name extends Action = Action> {
  readonly says: string;
  readonly from: readonly Role[];
  /** The frame that answers it; `error` may answer any frame. */
  readonly answer: ServerFrame["type"];
  readonly fields: {
    readonly [Field in Exclude<keyof Extract<ClientFrame, { action: Name }>, "action">]: string;
  };
  readonly example: Extract<ClientFrame, { action: Name }>;
}

const everybody = ["speaker", "listener"] as const;

/** The meaning of each frame from the client. A frame without a description does not compile. */
export const clientFrames: { readonly [Name in Action]: ClientFrameDescription<Name> } = {
  heartbeat: {
    says: "The client is still there. Send it every 30 s; the server closes silent connections.",
    from: everybody,
    answer: "heartbeatAck",
    fields: {},
    example: { action: "heartbeat" },
  },
  refreshConnection: {
    says: "Asks whether this connection is in place. It changes nothing: a refresh is a new connection.",
    from: everybody,
    answer: "connectionRefreshComplete",
    fields: { sessionId: "The session that this connection should belong to." },
    example: { action: "refreshConnection", sessionId },
  },
  getSessionStatus: {
    says: "Asks who is listening.",
    from: ["speaker"],
    answer: "sessionStatus",
    fields: {},
    example: { action: "getSessionStatus" },
  },
  endSession: {
    says: "Ends the session for everybody.",
    from: ["speaker"],
    answer: "sessionEnded",
    fields: {},
    example: { action: "endSession" },
  },
};

export const actions = Object.keys(clientFrames).filter((action): action is Action => action in clientFrames);
