import { limits, type ServerFrame, speakerFrameSchema } from "@lectern/protocol";
import type { Core } from "./core.js";
import { Failure } from "./failure.js";
import { parse } from "./parse.js";
import * as Session from "./session.js";

/**
 * Does what a frame without a route of its own asks for, and returns the answer; undefined: it follows by the stream.
 * @throws {Failure} `INVALID_ACTION`, `MESSAGE_TOO_LARGE`, or what the action refuses
 */
export const receive = async (
  core: Core,
  connectionId: string,
  body: string,
): Promise<ServerFrame | undefined> => {
  const { action } = parse(speakerFrameSchema, decode(body));
  return action === "endSession"
    ? Session.endBySpeaker(core, connectionId)
    : Session.status(core, connectionId);
};

/** @throws {Failure} `MESSAGE_TOO_LARGE`, `INVALID_ACTION` for what is not JSON */
export const decode = (body: string): unknown => {
  if (Buffer.byteLength(body) > limits.messageBytes) throw new Failure("MESSAGE_TOO_LARGE");
  try {
    return JSON.parse(body);
  } catch {
    throw new Failure("INVALID_ACTION", "A frame is a JSON object with an action");
  }
};
