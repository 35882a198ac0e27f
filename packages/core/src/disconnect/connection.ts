import type { ServerFrame } from "@lectern/protocol";
import type { Core } from "../port/core.js";
import * as ConnectionTable from "../store/connection.table.js";
import * as SessionTable from "../store/session.table.js";
import { isOpening } from "../value/lifetime.js";
import { isDeliberate, onSpeakerGone } from "./speaker.js";

/**
 * Handles API Gateway's `$disconnect`: removes the row, then releases the seat or the session that it held. A repeated
 * event finds no row and does nothing.
 * @param closed the close code that API Gateway saw, and the connection's age (ms)
 */
export const onDisconnect = async (
  core: Core,
  connectionId: string,
  closed: { readonly code: number | undefined; readonly ageMs: number },
): Promise<void> => {
  const heldAt = core.now();
  const connection = await ConnectionTable.removeOnce(core, connectionId);
  if (!connection) return core.log.info("Repeated disconnect, or removed before");
  await release(core, connection, heldAt, isDeliberate(closed.code, closed.ageMs));
};

/** Removes a connection whose socket is gone or closed by us. Its session goes on: a speaker gets its grace period. */
export const removeAndRelease = async (core: Core, connectionId: string): Promise<void> => {
  const heldAt = core.now();
  const connection = await ConnectionTable.removeOnce(core, connectionId);
  if (connection) await release(core, connection, heldAt, false);
};

/** Closes a connection whose session goes on, then removes it and releases what it held. */
export const closeAndRelease = async (core: Core, connectionId: string): Promise<void> => {
  await core.sockets.close(connectionId);
  await removeAndRelease(core, connectionId);
};

/** Closes a connection that holds neither seat nor session any more, then deletes its row. */
export const closeAndDelete = async (core: Core, connectionId: string): Promise<void> => {
  await core.sockets.close(connectionId);
  await ConnectionTable.remove(core, connectionId);
};

/** `opening`: the socket may not be open yet, so nothing was done. */
export type LastFrame = "sent" | "gone" | "opening";

/**
 * Sends a last frame, closes the socket, then deletes the row. The row is the work list, so it goes last: after a crash in
 * between, the close is only repeated. The connection must hold neither seat nor session any more. A socket that may not
 * be open yet is left alone: its welcome deals with it.
 * @throws the failure of the send, but only after the close: a client that reads nothing is refused every frame (429)
 */
export const sendLastAndDelete = async (
  core: Core,
  { connectionId, connectedAt }: ConnectionTable.Connection,
  frame: ServerFrame,
): Promise<LastFrame> => {
  const [sending] = await Promise.allSettled([core.sockets.send(connectionId, frame)]);
  const isGone = sending.status === "fulfilled" && sending.value === "gone";
  if (isGone && isOpening(connectedAt, core.now())) return "opening";
  await closeAndDelete(core, connectionId);
  if (sending.status === "rejected") throw sending.reason;
  return sending.value;
};

const release = async (
  core: Core,
  connection: ConnectionTable.Connection,
  heldAt: number,
  deliberate: boolean,
): Promise<void> => {
  if (connection.role === "listener") await SessionTable.releaseSeat(core, connection.sessionId, heldAt);
  if (connection.role === "speaker") await onSpeakerGone(core, connection, deliberate);
};
