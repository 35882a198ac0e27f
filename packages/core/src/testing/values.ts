import type { Connection } from "../store/connection.table.js";
import type { Settings } from "../value/settings.js";
import { issueTicket, type Ticket } from "../value/ticket.js";

export const defaults: Settings = {
  sessionMaxDurationHours: 2,
  connectionMaxDurationHours: 2,
  connectionRefreshMinutes: 100,
  connectionWarningMinutes: 105,
  heartbeatIntervalSeconds: 30,
  heartbeatTimeoutSeconds: 90,
  speakerGraceSeconds: 30,
  maxListenersPerSession: 500,
  maxActiveSessions: 100,
  dataRetentionHours: 12,
  fanOutRequestsPerSecond: 3_500,
  rateLimitSessionsPerHour: 50,
  rateLimitListenerJoinsPerMin: 10,
  rateLimitConnectionAttemptsPerMin: 20,
  rateLimitHeartbeatsPerMin: 2,
};

export const signingKey = "the tests' signing key";

/** The seed of all random walks: always the same, unless `FC_SEED=<number>` sets another. */
export const seed = Number(process.env.FC_SEED ?? 427);

/** The time at which every test begins. */
export const midnight = Date.parse("2026-01-01T00:00:00Z");
export const second = 1000;
export const minute = 60 * second;
export const hour = 60 * minute;

/** A ticket that never expires, by default a Spanish listener's. */
export const ticketFor = (
  sessionId: string,
  connectionId: string,
  more: Partial<Pick<Ticket, "role" | "targetLanguage" | "expiresAt">> = {},
): string => {
  const { role = "listener", targetLanguage = "es", expiresAt = Number.MAX_SAFE_INTEGER } = more;
  const language = role === "listener" ? { targetLanguage } : {};
  return issueTicket({ connectionId, sessionId, role, ...language, expiresAt }, signingKey);
};

/** A row of Connections with the columns that a test does not care about. */
export const connectionRow = (row: Partial<Connection> & { readonly connectionId: string }) => ({
  connectedAt: midnight,
  requestedAt: midnight - 20,
  addressHash: "hash",
  ttl: (midnight + 3 * hour) / 1000,
  ...row,
});
