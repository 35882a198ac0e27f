import type { ClientFrame, Role, ServerFrame } from "@lectern/protocol";

type Action = ClientFrame["action"];

/** What the documents say of one frame from the client. */
export interface ClientFrameDescription<Name extends Action = Action> {
  readonly says: string;
  readonly from: readonly Role[];
  /** The frame that answers it; any may be answered by `error` instead. */
  readonly answer: ServerFrame["type"];
  readonly fields: {
    readonly [Field in Exclude<keyof Extract<ClientFrame, { action: Name }>, "action">]: string;
  };
  readonly example: Extract<ClientFrame, { action: Name }>;
}

const everybody = ["speaker", "listener"] as const;

/** What the frames from the client mean. One without a description does not compile. */
export const clientFrames: { readonly [Name in Action]: ClientFrameDescription<Name> } = {
  heartbeat: {
    says: "Says that the client is still there. Every client sends it every 30 s; the silent are closed.",
    from: everybody,
    answer: "heartbeatAck",
    fields: {},
    example: { action: "heartbeat" },
  },
  refreshConnection: {
    says: "Asks whether this connection is in place. It changes nothing; a refresh itself is a new connection.",
    from: everybody,
    answer: "connectionRefreshComplete",
    fields: { sessionId: "The session that this connection should belong to." },
    example: { action: "refreshConnection", sessionId: "golden-eagle-427" },
  },
  getSessionStatus: {
    says: "Asks who listens. The session's speaker only.",
    from: ["speaker"],
    answer: "sessionStatus",
    fields: {},
    example: { action: "getSessionStatus" },
  },
  endSession: {
    says: "Ends the session for everybody. The session's speaker only.",
    from: ["speaker"],
    answer: "sessionEnded",
    fields: {},
    example: { action: "endSession" },
  },
};
