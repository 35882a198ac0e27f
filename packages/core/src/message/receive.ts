import { limits, type ServerFrame, type SessionId, speakerFrameSchema } from "@lectern/protocol";
import { refreshComplete } from "../frame/frames.js";
import type { Core } from "../port/core.js";
import * as ConnectionTable from "../store/connection.table.js";
import * as SessionTable from "../store/session.table.js";
import { Failure } from "../value/failure.js";
import { parse } from "../value/parse.js";
import { endSession, sessionStatus } from "./speaker.js";

/**
 * Handles a frame that has no route of its own. Returns the answer; undefined when it follows by the stream.
 * @throws {Failure} `INVALID_ACTION`, `MESSAGE_TOO_LARGE`, or the action's refusal
 */
export const receive = async (
  core: Core,
  connectionId: string,
  body: string,
): Promise<ServerFrame | undefined> => {
  const { action } = parse(speakerFrameSchema, decode(body));
  return action === "endSession" ? endSession(core, connectionId) : sessionStatus(core, connectionId);
};

/** @throws {Failure} `MESSAGE_TOO_LARGE`, or `INVALID_ACTION` when the text is not JSON */
export const decode = (body: string): unknown => {
  if (Buffer.byteLength(body) > limits.messageBytes) throw new Failure("MESSAGE_TOO_LARGE");
  try {
    return JSON.parse(body);
  } catch {
    throw new Failure("INVALID_ACTION", "A frame is a JSON object with an action");
  }
};

/**
 * Confirms that this connection is in place, and changes nothing.
 * @throws {Failure} `FORBIDDEN` when the connection does not belong to that session
 */
export const confirm = async (
  core: Core,
  connectionId: string,
  sessionId: SessionId,
): Promise<ServerFrame> => {
  const [connection, session] = await Promise.all([
    ConnectionTable.get(core, connectionId),
    SessionTable.get(core, sessionId),
  ]);
  if (!connection || connection.role === "refused" || connection.sessionId !== sessionId || !session) {
    throw new Failure("FORBIDDEN");
  }
  return refreshComplete(core, connection, session);
};
