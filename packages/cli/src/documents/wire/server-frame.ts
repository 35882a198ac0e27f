import { type errorCodes, type FrameOf, type Role, type ServerFrame, statusOf } from "@lectern/protocol";

type FrameType = ServerFrame["type"];

/** A field's meaning and unit, and its value in the example; no value: the example leaves it out. */
type Field<Value> = readonly [says: string, example?: Value];

/** The description of one frame from the server. */
interface FrameDescription<Type extends FrameType> {
  readonly says: string;
  /** When it is sent. */
  readonly when: string;
  readonly to: readonly Role[];
  /** Every field but `type` and `timestamp`, which all frames have. */
  readonly fields: {
    readonly [Name in Exclude<keyof FrameOf<Type>, "type" | "timestamp">]-?: Field<FrameOf<Type>[Name]>;
  };
}

const sentAt = 1_795_421_778_401;
const id = "golden-eagle-427";
const ticket = "eyJjb25uZWN0aW9uSWQiOiJMMFNNOWNPRnZIY0NJaHc9In0.q3Zk1v0cWm8";

const sessionId: Field<string> = ["The session's id.", id];
const sourceLanguage: Field<string> = ["The language that the speaker speaks.", "en"];
const connectionId: Field<string> = [
  "This connection's id, for support: no request takes it.",
  "L0SM9cOFvHcCIhw=",
];
const welcomeTicket: Field<string> = [
  "If this connection is lost, take its place with `refreshConnection` and this `ticket`: see [Refresh](#refresh).",
  ticket,
];
const role: Field<Role> = ["The connection's role.", "listener"];
const targetLanguage: Field<string> = ["The language that this listener hears; absent for a speaker.", "es"];
const message = (example: string): Field<string> => ["For people, in English; may change.", example];

const everybody = ["speaker", "listener"] as const;

/**
 * The meaning of each frame from the server. It is not in the schemas, because every function bundles those.
 * A frame or a field without a description does not compile.
 */
export const serverFrames: { readonly [Type in FrameType]: FrameDescription<Type> } = {
  sessionCreated: {
    says: "The session is open. Tell the listeners its id.",
    when: "The welcome after `createSession`, within 2 s.",
    to: ["speaker"],
    fields: {
      sessionId: ["The session's id, to be said aloud.", id],
      sourceLanguage,
      qualityTier: ["The tier that was asked for.", "standard"],
      connectionId,
      expiresAt: ["When the session ends, in ms since the epoch. Each refresh moves it.", sentAt + 7_200_000],
      ticket: welcomeTicket,
    },
  },
  sessionJoined: {
    says: "The listener has a seat.",
    when: "The welcome after `joinSession`, within 1 s.",
    to: ["listener"],
    fields: {
      sessionId,
      targetLanguage: ["The language that this listener hears. A request for `nb` is answered `no`.", "es"],
      sourceLanguage,
      connectionId,
      ticket: welcomeTicket,
    },
  },
  heartbeatAck: {
    says: "The heartbeat has arrived.",
    when: "The answer to `heartbeat`, within 100 ms.",
    to: everybody,
    fields: {},
  },
  sessionStatus: {
    says: "Who is listening.",
    when: "The answer to `getSessionStatus`.",
    to: ["speaker"],
    fields: {
      sessionId,
      isActive: ["Whether the session can be joined.", true],
      listenerCount: ["Seats that are taken.", 13],
      languageDistribution: ["Listeners by target language.", { es: 12, fr: 1 }],
    },
  },
  connectionRefreshRequired: {
    says: "Open a new connection with `refreshConnection`. The server closes this one after that.",
    when: "With the answer to each heartbeat past the connection's refresh moment; earlier when operators drain the stage.",
    to: everybody,
    fields: {
      sessionId,
      role,
      targetLanguage,
      ticket: ["Send it back as `ticket`. See [Refresh](#refresh).", ticket],
      url: ["Where to open the new connection and every later one. Absent: where this one was opened."],
      deadline: ["When this connection will be cut, in ms since the epoch.", sentAt + 1_200_000],
      message: message(
        "Open a new connection with refreshConnection; this one will be closed once that is in place",
      ),
    },
  },
  connectionWarning: {
    says: "This connection is about to be cut.",
    when: "With `connectionRefreshRequired`, when the connection's end is near.",
    to: everybody,
    fields: {
      remainingMinutes: ["Whole minutes until the cut.", 14],
      message: message("This connection will be cut in about 14 min"),
    },
  },
  connectionRefreshComplete: {
    says: "This connection is in place. The server closes the one that it replaces.",
    when: "The welcome after `refreshConnection`, on the new connection; also the answer to the frame `refreshConnection`.",
    to: everybody,
    fields: { sessionId, role, targetLanguage, sourceLanguage, connectionId, ticket: welcomeTicket },
  },
  speakerReconnecting: {
    says: "The speaker's connection was lost. The session waits for the speaker.",
    when: "When the grace period begins. A listener who joins during it gets the frame right after the welcome.",
    to: ["listener"],
    fields: { sessionId },
  },
  speakerReconnected: {
    says: "The speaker is back.",
    when: "When a lost speaker comes back within the grace period.",
    to: ["listener"],
    fields: { sessionId },
  },
  sessionEnded: {
    says: "The session is over. The server then closes the connection.",
    when: "When the session ends, and as the answer to `endSession`. It may be the first frame that a late joiner gets.",
    to: everybody,
    fields: {
      sessionId,
      reason: [
        "The speaker closed the connection (`speakerLeft`) or did not come back (`speakerLost`), the time is over (`expired`), or `endSession` was sent (`ended`).",
        "speakerLeft",
      ],
      message: message("The speaker has left"),
    },
  },
  error: {
    says: "A request was refused or failed.",
    when: "Instead of an answer; instead of a welcome when the handshake asked for `errors=frame`; and last on a speaker's connection that another has replaced. After the latter two the server closes the connection.",
    to: everybody,
    fields: {
      code: ["What is wrong: one of the error codes.", "RATE_LIMIT_EXCEEDED"],
      message: message("Too many requests: try again in 6 s"),
      status: ["The HTTP status of a handshake refused with this code.", statusOf.RATE_LIMIT_EXCEEDED],
      retryable: ["Whether the same request may succeed later.", true],
      retryAfter: ["Whole seconds until the request may succeed; with `RATE_LIMIT_EXCEEDED` only.", 6],
      details: ["What the error is about; all texts.", { limit: "listenerJoins", sessionId: id }],
    },
  },
};

export const serverTypes = Object.keys(serverFrames).filter(
  (type): type is FrameType => type in serverFrames,
);

/** The fields of a frame, in the order of its schema. */
export const fieldsOf = (type: FrameType): [name: string, field: Field<unknown>][] =>
  Object.entries<Field<unknown>>(serverFrames[type].fields);

/** The description of each field, `timestamp` included. */
export const descriptionsOf = (type: FrameType): Record<string, string> => ({
  timestamp: "When the frame was made, in ms since the epoch.",
  ...Object.fromEntries(fieldsOf(type).map(([name, [says]]) => [name, says])),
});

/** A frame as a client may get it. */
export const exampleOf = (type: FrameType): Readonly<Record<string, unknown>> => ({
  type,
  timestamp: sentAt,
  ...Object.fromEntries(
    fieldsOf(type).flatMap(([name, [, value]]) => (value === undefined ? [] : [[name, value]])),
  ),
});

/** When each code is sent. A code without a description does not compile. */
export const errorMeanings: Readonly<Record<(typeof errorCodes)[number], string>> = {
  INVALID_ACTION: "The `action` is unknown, or a frame is no JSON object.",
  INVALID_PARAMETERS:
    "`details.parameter` is missing or wrong. Also: a handshake offers `bearer.<token>` without `lectern.v1`.",
  INVALID_LANGUAGE: "A language does not look like `es` or `pt-PT`.",
  INVALID_SESSION_ID: "A session's id does not look like `golden-eagle-427`.",
  UNSUPPORTED_LANGUAGE: "Lectern does not offer the language in `details.parameter`.",
  UNAUTHORIZED: "The token is missing, forged, or from another pool or client.",
  TOKEN_EXPIRED: "The token was good once. Get a fresh one and try again.",
  FORBIDDEN:
    "This connection or user may not do that. With `details.reason` `replaced`: another connection has the session.",
  SESSION_NOT_FOUND: "There is no active session with this id.",
  MESSAGE_TOO_LARGE: "The message is over the limit. Most such messages close the socket with 1009 instead.",
  RATE_LIMIT_EXCEEDED: "Too many requests. `details.limit` names the limit, `retryAfter` the wait.",
  INTERNAL_ERROR: "A fault of the server.",
  SESSION_FULL: "Every seat is taken. A seat may become free.",
  SERVICE_UNAVAILABLE: "A service that Lectern needs does not answer.",
};
