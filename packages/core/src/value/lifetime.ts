import { createHash } from "node:crypto";
import type { Settings } from "./settings.js";

const minute = 60_000;
const hour = 60 * minute;

/** From this age on a close is not taken as the speaker's choice, because API Gateway cuts every connection at two hours. */
export const deliberateUntilMs = 119 * minute;

/** True while a 410 may still mean that the socket is not open yet: until ten seconds after its handshake. */
export const isOpening = (connectedAt: number, now: number): boolean => now - connectedAt < 10_000;

/**
 * The age (ms) from which a connection is asked to refresh. A hash of the connection's id places it between 90 and 100 %
 * of the setting, so that listeners who joined together do not come back together.
 */
export const refreshAge = (connectionId: string, settings: Settings): number => {
  const spread = createHash("sha256").update(connectionId).digest().readUInt32BE() / 2 ** 32;
  return settings.connectionRefreshMinutes * minute * (0.9 + 0.1 * spread);
};

/** The age (ms) from which a connection is warned that its end is near. */
export const warningAge = (settings: Settings): number => settings.connectionWarningMinutes * minute;

/** The age (ms) at which a connection is cut, by API Gateway or by the stage's shorter setting. */
export const longestAge = (settings: Settings): number => settings.connectionMaxDurationHours * hour;

/** The `expiresAt` of a session that is created or refreshed now: seconds since the epoch. */
export const sessionExpiry = (now: number, settings: Settings): number =>
  Math.ceil((now + settings.sessionMaxDurationHours * hour) / 1000);

/** A connection row's TTL: one hour after the connection's latest possible end, in seconds since the epoch. */
export const connectionTtl = (connectedAt: number, settings: Settings): number =>
  Math.ceil((connectedAt + longestAge(settings) + hour) / 1000);
