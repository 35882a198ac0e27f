import type { FrameOf, Role, ServerFrame } from "@lectern/protocol";

type FrameType = ServerFrame["type"];

/** What the documents say of one frame from the server. */
export interface FrameDescription<Type extends FrameType = FrameType> {
  readonly says: string;
  /** When it comes. */
  readonly when: string;
  readonly to: readonly Role[];
  /** Every field with its unit; `type` and `timestamp` are the same in all. */
  readonly fields: { readonly [Field in Exclude<keyof FrameOf<Type>, "type" | "timestamp">]-?: string };
  readonly example: FrameOf<Type>;
}

export const timestampField = "When the frame was made, in ms since the epoch.";

const timestamp = 1_795_421_778_401;
const hour = 3_600_000;
const sessionId = "golden-eagle-427";
const connectionId = "L0SM9cOFvHcCIhw=";
const ticket = "eyJjb25uZWN0aW9uSWQiOiJMMFNNOWNPRnZIY0NJaHc9In0.q3Zk1v0cWm8";

const session = "The session's id.";
const source = "The language that the speaker speaks.";
const target = "The language that this listener hears; in a listener's only.";
const ownId = "This connection's id, for support: no request takes it.";
const forPeople = "For people, in English; may change.";
const role = "The connection's role.";

const everybody = ["speaker", "listener"] as const;

/**
 * What the frames from the server mean. It stands here and not in the schemas, since those are part of every function's
 * code. A frame or a field without a description does not compile.
 */
export const serverFrames: { readonly [Type in FrameType]: FrameDescription<Type> } = {
  sessionCreated: {
    says: "The session is open. Tell the listeners its id.",
    when: "The welcome after `createSession`, within 2 s.",
    to: ["speaker"],
    fields: {
      sessionId: "The session's id, to be said aloud.",
      sourceLanguage: source,
      qualityTier: "The tier that was asked for.",
      connectionId: ownId,
      expiresAt:
        "When the session ends unless it is refreshed, in ms since the epoch; each refresh of the speaker moves it.",
    },
    example: {
      type: "sessionCreated",
      timestamp,
      sessionId,
      sourceLanguage: "en",
      qualityTier: "standard",
      connectionId,
      expiresAt: timestamp + 2 * hour,
    },
  },
  sessionJoined: {
    says: "The listener has a seat.",
    when: "The welcome after `joinSession`, within 1 s; also after a listener's `refreshConnection` without a valid ticket, which is an ordinary join.",
    to: ["listener"],
    fields: {
      sessionId: session,
      targetLanguage:
        "The language that this listener hears, under Amazon Translate's code: who asks for `nb` reads `no`.",
      sourceLanguage: source,
      connectionId: ownId,
    },
    example: {
      type: "sessionJoined",
      timestamp,
      sessionId,
      targetLanguage: "es",
      sourceLanguage: "en",
      connectionId,
    },
  },
  heartbeatAck: {
    says: "The heartbeat has arrived.",
    when: "The answer to `heartbeat`, within 100 ms.",
    to: everybody,
    fields: {},
    example: { type: "heartbeatAck", timestamp },
  },
  sessionStatus: {
    says: "Who listens.",
    when: "The answer to `getSessionStatus`.",
    to: ["speaker"],
    fields: {
      sessionId: session,
      isActive: "Whether the session can be joined.",
      listenerCount: "Seats that are taken.",
      languageDistribution: "Listeners by the language that they hear.",
    },
    example: {
      type: "sessionStatus",
      timestamp,
      sessionId,
      isActive: true,
      listenerCount: 13,
      languageDistribution: { es: 12, fr: 1 },
    },
  },
  connectionRefreshRequired: {
    says: "Open a new connection with `refreshConnection`; this one is closed once that is in place.",
    when: "Beside the acknowledgement of each heartbeat past the connection's refresh moment until it is refreshed; earlier when operators drain the stage.",
    to: everybody,
    fields: {
      sessionId: session,
      role,
      targetLanguage: target,
      ticket:
        "To be handed back as `ticket`, for the same language, until `deadline`, and five times in an hour at most. It finds a listener a seat in a full session and passes the limits of its address.",
      url: "Where to open the new connection, and every later one; absent: where this one was opened. Sent by a drain that moves clients to another address.",
      deadline:
        "When this connection will be cut if it has not been replaced, in ms since the epoch; where the stage allows less than API Gateway's two hours, within a minute after it.",
      message: forPeople,
    },
    example: {
      type: "connectionRefreshRequired",
      timestamp,
      sessionId,
      role: "listener",
      targetLanguage: "es",
      ticket,
      deadline: timestamp + 1_200_000,
      message: "Open a new connection with refreshConnection; this one will be closed once that is in place",
    },
  },
  connectionWarning: {
    says: "This connection is about to be cut.",
    when: "Beside `connectionRefreshRequired`, when the connection's end is near.",
    to: everybody,
    fields: { remainingMinutes: "Whole minutes until the cut.", message: forPeople },
    example: {
      type: "connectionWarning",
      timestamp,
      remainingMinutes: 14,
      message: "This connection will be cut in about 14 min",
    },
  },
  connectionRefreshComplete: {
    says: "This connection is in place; the one that it replaces is closed by the server.",
    when: "The welcome after `refreshConnection`, on the new connection; also the answer to the frame `refreshConnection`.",
    to: everybody,
    fields: { sessionId: session, role, targetLanguage: target, sourceLanguage: source, connectionId: ownId },
    example: {
      type: "connectionRefreshComplete",
      timestamp,
      sessionId,
      role: "listener",
      targetLanguage: "es",
      sourceLanguage: "en",
      connectionId: "L0SPfdrtvHcCJDQ=",
    },
  },
  speakerReconnecting: {
    says: "The speaker's connection was lost. The session waits for it.",
    when: "At the beginning of the speaker's grace period; to a listener who joins during it, right after its welcome.",
    to: ["listener"],
    fields: { sessionId: session },
    example: { type: "speakerReconnecting", timestamp, sessionId },
  },
  speakerReconnected: {
    says: "The speaker is back.",
    when: "When a lost speaker has come back within the grace period.",
    to: ["listener"],
    fields: { sessionId: session },
    example: { type: "speakerReconnected", timestamp, sessionId },
  },
  sessionEnded: {
    says: "The session is over. The server closes the connection after it.",
    when: "When the session ends, to everybody in it. It may be the first frame that a late joiner sees, and is the answer to `endSession`.",
    to: everybody,
    fields: {
      sessionId: session,
      reason:
        "`speakerLeft`: the speaker closed the connection; `speakerLost`: the speaker was lost and did not come back in time; `expired`: its time is over; `ended`: by `endSession`.",
      message: forPeople,
    },
    example: {
      type: "sessionEnded",
      timestamp,
      sessionId,
      reason: "speakerLeft",
      message: "The speaker has left",
    },
  },
  error: {
    says: "A request was refused or failed.",
    when: "In the place of an answer; in the place of a welcome when the handshake asked for `errors=frame`, and as the last word to a speaker's connection that another has replaced: the connection is then closed.",
    to: everybody,
    fields: {
      code: "What is wrong, see the error codes.",
      message: forPeople,
      status: "The HTTP status that a refused handshake carries for this code.",
      retryable: "Whether the same request may succeed later.",
      retryAfter: "Whole seconds until the same request may succeed; with `RATE_LIMIT_EXCEEDED` only.",
      details:
        "What it is about: `parameter` names the wrong one, `sessionId` the session that was asked for, `limit` the limit that was exceeded, `reason` why it may not be.",
    },
    example: {
      type: "error",
      timestamp,
      code: "RATE_LIMIT_EXCEEDED",
      message: "Too many requests: try again in 6 s",
      status: 429,
      retryable: true,
      retryAfter: 6,
      details: { limit: "listenerJoins", sessionId },
    },
  },
};
