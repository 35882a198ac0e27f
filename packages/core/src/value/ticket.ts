import { languageCodeSchema, roleSchema, sessionIdSchema } from "@lectern/protocol";
import * as v from "valibot";
import { hashPrivate, sameDigest } from "./hash.js";

const ticketSchema = v.object({
  connectionId: v.string(),
  sessionId: sessionIdSchema,
  role: roleSchema,
  targetLanguage: v.optional(languageCodeSchema),
  /** Milliseconds since the epoch. */
  expiresAt: v.number(),
});

/** The right to replace one connection of a session, in its role, until the ticket expires. */
export type Ticket = v.InferOutput<typeof ticketSchema>;

/** Writes a ticket as text: base64url of the JSON, a dot, its HMAC. */
export const issueTicket = (ticket: Ticket, key: string): string => {
  const content = Buffer.from(JSON.stringify(ticket)).toString("base64url");
  return `${content}.${mac(content, key)}`;
};

/** Reads a ticket. Returns undefined when it is forged, altered or expired: the client then has no rights by it. */
export const readTicket = (text: string, key: string, now: number): Ticket | undefined => {
  const [content = "", signature = "", ...rest] = text.split(".");
  if (rest.length > 0 || !sameDigest(signature, mac(content, key))) return undefined;
  const ticket = v.parse(ticketSchema, JSON.parse(Buffer.from(content, "base64url").toString()));
  return ticket.expiresAt > now ? ticket : undefined;
};

const mac = (content: string, key: string): string => hashPrivate(`ticket:${content}`, key);
