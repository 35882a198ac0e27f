import type { FrameOf } from "@lectern/protocol";
import type { Core } from "../port/core.js";
import type { Member } from "../store/connection.table.js";
import { longestAge } from "../value/lifetime.js";
import { issueTicket } from "../value/ticket.js";

/**
 * Asks a client to replace its connection by a new one. The frame's ticket is valid for as long as the connection itself.
 * @param url where to open the new connection; undefined for the URL of the old one
 */
export const refreshRequired = (
  core: Core,
  member: Member,
  url?: string,
): FrameOf<"connectionRefreshRequired"> => {
  const { connectionId, sessionId, role } = member;
  const language = member.role === "listener" ? { targetLanguage: member.targetLanguage } : {};
  const deadline = member.connectedAt + longestAge(core.settings);
  const ticket = issueTicket(
    { connectionId, sessionId, role, ...language, expiresAt: deadline },
    core.signingKey,
  );
  const where = url === undefined ? "" : ` at ${url}`;
  return {
    type: "connectionRefreshRequired",
    timestamp: core.now(),
    sessionId,
    role,
    ...language,
    ticket,
    ...(url === undefined ? {} : { url }),
    deadline,
    message: `Open a new connection with refreshConnection${where}; this one will be closed once that is in place`,
  };
};
