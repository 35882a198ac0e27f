import * as v from "valibot";

/** A number, or its text: environments and command lines hold text, `infra/` holds numbers. */
export const numeric = (message: string) =>
  v.pipe(
    v.union(
      [v.number(), v.pipe(v.string(), v.regex(/^-?\d+(\.\d+)?(e\d+)?$/i), v.transform(Number))],
      message,
    ),
    v.finite(message),
  );

const number = numeric("must be a number");
const positive = v.pipe(number, v.gtValue(0, "must be more than 0"));
const notNegative = v.pipe(number, v.minValue(0, "must not be negative"));
const count = v.pipe(number, v.integer("must be a whole number"), v.minValue(1, "must be at least 1"));
/** The rate limiter counts in whole milliseconds. */
const perMinute = v.pipe(count, v.maxValue(60_000, "must be at most 60000, one a millisecond"));
const hoursOfConnection = v.pipe(
  positive,
  v.maxValue(2, "must not exceed 2: API Gateway cuts every connection after 2 hours"),
);

/** Every setting has a description; the documents' settings table is generated from these. */
const entries = {
  sessionMaxDurationHours: v.pipe(
    hoursOfConnection,
    v.description("Hours that a session lasts without being refreshed."),
  ),
  connectionMaxDurationHours: v.pipe(
    hoursOfConnection,
    v.description("Hours that one connection may last; API Gateway cuts it after 2."),
  ),
  connectionRefreshMinutes: v.pipe(
    positive,
    v.description(
      "Minutes after which a connection is asked to refresh; each one's own moment is 90–100 % of it.",
    ),
  ),
  connectionWarningMinutes: v.pipe(
    positive,
    v.description("Minutes after which a connection is warned that its end is near."),
  ),
  heartbeatIntervalSeconds: v.pipe(positive, v.description("Seconds between two heartbeats of a client.")),
  heartbeatTimeoutSeconds: v.pipe(
    positive,
    v.description("Seconds of silence after which a connection is closed."),
  ),
  speakerGraceSeconds: v.pipe(
    notNegative,
    v.description("Seconds that a lost speaker has for coming back; 0 ends the session at once."),
  ),
  maxListenersPerSession: v.pipe(count, v.description("Listeners that one session has seats for.")),
  maxActiveSessions: v.pipe(
    count,
    v.description("Sessions that the stage is meant for at once; drives an alarm, refuses nothing."),
  ),
  dataRetentionHours: v.pipe(
    positive,
    v.description("Hours that logs are kept; CloudWatch's smallest is a day, so 12 means one day."),
  ),
  fanOutRequestsPerSecond: v.pipe(
    count,
    v.maxValue(10_000, "must be at most 10000, the quota of an account"),
    v.description(
      "Calls to clients a second that announcements, drains and the reaper may make together; an account's quota is 10,000.",
    ),
  ),
  rateLimitSessionsPerHour: v.pipe(count, v.description("Sessions that one user may create in an hour.")),
  rateLimitListenerJoinsPerMin: v.pipe(perMinute, v.description("Joins from one address in a minute.")),
  rateLimitConnectionAttemptsPerMin: v.pipe(
    perMinute,
    v.description("Connection attempts from one address in a minute."),
  ),
  rateLimitHeartbeatsPerMin: v.pipe(perMinute, v.description("Heartbeats of one connection in a minute.")),
};

export const settingsSchema = v.object(entries);

export type SettingName = keyof typeof entries;

const isSettingName = (name: string): name is SettingName => name in entries;

/** The names of all settings, in camel case. */
export const settingNames = Object.keys(entries).filter(isSettingName);

/** A setting's description: one sentence, with its unit. */
export const describeSetting = (name: SettingName): string => v.getDescription(entries[name]) ?? "";

/** The settings of a stage, as the functions read them. */
export type Settings = { readonly [Name in SettingName]: number };

/** `maxListenersPerSession` → `MAX_LISTENERS_PER_SESSION`. */
export const environmentName = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();

/**
 * Checks settings given in camel case, as numbers or numeric text.
 * @throws {SettingError} for the first invalid setting, with the reason
 */
export const checkSettings = (input: Readonly<Record<string, unknown>>): Settings => {
  const parsed = v.safeParse(settingsSchema, input);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const name = v.getDotPath(issue) ?? "settings";
    throw new SettingError(name, input[name] === undefined ? "is missing" : issue.message, input[name]);
  }
  const settings = parsed.output;
  for (const [name, wrong, why] of contradictions(settings)) {
    if (wrong) throw new SettingError(name, why, settings[name]);
  }
  return settings;
};

/**
 * Reads the settings from a function's environment, in upper case with underscores.
 * @throws {SettingError} for the first invalid variable, with the reason
 */
export const settingsFrom = (environment: Readonly<Record<string, string | undefined>>): Settings =>
  checkSettings(Object.fromEntries(settingNames.map((name) => [name, environment[environmentName(name)]])));

/** An invalid setting. The message names it in both spellings and is meant for the operator. */
export class SettingError extends Error {
  override readonly name = "SettingError";
  readonly setting: string;

  constructor(setting: string, why: string, value: unknown) {
    const given = value === undefined ? "" : `, but it is ${JSON.stringify(value)}`;
    super(`Setting ${setting} (${environmentName(setting)}) ${why}${given}.`);
    this.setting = setting;
  }
}

/**
 * The seconds after which a connection may send one more heartbeat. It is 48 s / N rather than 60 s / N, so that a client
 * with jitter never reaches its limit of N per minute.
 */
export const heartbeatRefillSeconds = (settings: Pick<Settings, "rateLimitHeartbeatsPerMin">): number =>
  48 / settings.rateLimitHeartbeatsPerMin;

/** The rules between two settings: the name, whether the rule is broken, and the rule. */
export const contradictions = (settings: Settings): [SettingName, boolean, string][] => [
  [
    "connectionRefreshMinutes",
    settings.connectionRefreshMinutes >= settings.connectionMaxDurationHours * 60,
    "must be less than connectionMaxDurationHours",
  ],
  [
    "connectionWarningMinutes",
    settings.connectionWarningMinutes < settings.connectionRefreshMinutes,
    "must not be before connectionRefreshMinutes",
  ],
  [
    "connectionWarningMinutes",
    settings.connectionWarningMinutes >= settings.connectionMaxDurationHours * 60,
    "must be less than connectionMaxDurationHours",
  ],
  [
    "heartbeatTimeoutSeconds",
    settings.heartbeatTimeoutSeconds <= settings.heartbeatIntervalSeconds,
    "must be more than heartbeatIntervalSeconds",
  ],
  [
    "heartbeatIntervalSeconds",
    settings.heartbeatIntervalSeconds < heartbeatRefillSeconds(settings),
    `must be at least ${heartbeatRefillSeconds(settings)}, or clients meet rateLimitHeartbeatsPerMin`,
  ],
];
