import type { FrameOf } from "@lectern/protocol";
import type { Core } from "../port/core.js";
import type { Member } from "../store/connection.table.js";
import { longestAge } from "../value/lifetime.js";
import { issueTicket } from "../value/ticket.js";

const deadlineOf = ({ settings }: Core, { connectedAt }: Member): number =>
  connectedAt + longestAge(settings);

const languageOf = (member: Member) =>
  member.role === "listener" ? { targetLanguage: member.targetLanguage } : {};

/** The right to take this connection's place, for as long as the connection itself may last. */
export const ticketFor = (core: Core, member: Member): string => {
  const { connectionId, sessionId, role } = member;
  const expiresAt = deadlineOf(core, member);
  return issueTicket({ connectionId, sessionId, role, ...languageOf(member), expiresAt }, core.signingKey);
};

/**
 * Asks a client to replace its connection by a new one.
 * @param url where to open the new connection; undefined for the URL of the old one
 */
export const refreshRequired = (
  core: Core,
  member: Member,
  url?: string,
): FrameOf<"connectionRefreshRequired"> => {
  const { sessionId, role } = member;
  const where = url === undefined ? "" : ` at ${url}`;
  return {
    type: "connectionRefreshRequired",
    timestamp: core.now(),
    sessionId,
    role,
    ...languageOf(member),
    ticket: ticketFor(core, member),
    ...(url === undefined ? {} : { url }),
    deadline: deadlineOf(core, member),
    message: `Open a new connection with refreshConnection${where}; this one will be closed once that is in place`,
  };
};
