import { afterEach, describe, expect, test, vi } from "vitest";
import { settingsFor } from "./settings";
import { graphOf } from "./testing/graph";

afterEach(() => vi.unstubAllEnvs());

const given = (settings: Record<string, string>, stage = "dev") => {
  vi.stubEnv("OFFLINE_AWS_SETTINGS", JSON.stringify(settings));
  return settingsFor(stage);
};

describe("a stage's settings", () => {
  test("are the documented defaults on every stage", () => {
    for (const stage of ["dev", "staging", "prod", "pr-7", "local", "alice"]) {
      expect(settingsFor(stage)).toEqual({
        region: "us-east-1",
        isProtected: stage === "prod",
        isRemovable: false,
        monitoring: stage !== "pr-7",
        passwordSignIn: stage !== "prod",
        adoptRetained: false,
        signingKeyVersion: 1,
        logLevel: "INFO",
        heartbeatLogSampling: ["staging", "prod"].includes(stage) ? 0.01 : 1,
        provisionedConcurrency: 0,
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
      });
    }
  });

  test("are taken in either spelling, fractions of minutes and hours included", () => {
    expect(
      given({
        CONNECTION_REFRESH_MINUTES: "0.05",
        connectionWarningMinutes: "0.1",
        speakerGraceSeconds: "0",
      }),
    ).toMatchObject({
      connectionRefreshMinutes: 0.05,
      connectionWarningMinutes: 0.1,
      speakerGraceSeconds: 0,
    });
  });

  test("may let speakers sign in by password alone, or not, on any stage", () => {
    expect(given({ PASSWORD_SIGN_IN: "true" }, "prod").passwordSignIn).toBe(true);
    expect(given({ passwordSignIn: "false" }).passwordSignIn).toBe(false);
  });

  test("may name a VPC, as JSON", () => {
    const vpc = { privateSubnets: ["subnet-1"], securityGroups: ["sg-1"] };
    expect(given({ vpc: JSON.stringify(vpc) }).vpc).toEqual(vpc);
  });
});

describe("deployments", () => {
  /** As JSON, because the compiler would refuse the mistakes. */
  const withOwn = (stage: string, deployments: object) =>
    settingsFor(stage, JSON.parse(JSON.stringify(deployments)));

  test("override the project's own settings and the defaults", () => {
    const own = { prod: { passwordSignIn: true }, alice: { logLevel: "DEBUG" }, "pr-*": { isBounded: true } };
    expect(withOwn("prod", own)).toMatchObject({ passwordSignIn: true, isProtected: true });
    expect(withOwn("alice", own)).toMatchObject({ logLevel: "DEBUG", isProtected: false });
    expect(withOwn("pr-7", own)).toMatchObject({ isBounded: true, logLevel: "INFO" });
  });

  test.each([
    [
      "an unknown setting",
      { prod: { regoin: "eu-central-1" } },
      /^Setting regoin \(REGOIN\) is unknown; the settings are .+\.$/,
    ],
    [
      "a preview's number, which no stage would ever read",
      { "pr-7": { logLevel: "DEBUG" } },
      /^Stage pr-7 cannot have settings: in .+, "pr-\*" holds the settings of every preview\.$/,
    ],
  ])("are refused on every stage for %s", (_, deployments, sentence) => {
    for (const stage of ["prod", "dev", "pr-7"]) {
      expect(() => withOwn(stage, deployments)).toThrow(
        expect.objectContaining({ name: "SettingError", message: expect.stringMatching(sentence) }),
      );
    }
  });

  test.each([
    ["github", { repository: "a/b", environments: ["prod"], createProvider: true }],
    ["vpc", { privateSubnets: ["subnet-1"], securityGroups: ["sg-1"], publicSubnets: [] }],
  ])("are refused for a misspelt part of %s", (name, value) => {
    expect(() => withOwn("prod", { prod: { [name]: value } })).toThrow(
      new RegExp(`^Setting ${name} .+, and nothing else`),
    );
  });
});

describe("a wrong setting stops with one sentence that names it", () => {
  test.each([
    [
      "an unknown one",
      { speakerGrace: "5" },
      /^Setting speakerGrace \(SPEAKER_GRACE\) is unknown; the settings are .+\.$/,
    ],
    [
      "a name that every object has",
      { constructor: "5" },
      /^Setting constructor \(CONSTRUCTOR\) is unknown; the settings are .+\.$/,
    ],
    [
      "the name of an object's prototype",
      JSON.parse('{"__proto__":"5"}'),
      /^Setting __proto__ \(__PROTO__\) is unknown; the settings are .+\.$/,
    ],
    [
      "text instead of a number",
      { maxListenersPerSession: "many" },
      'Setting maxListenersPerSession (MAX_LISTENERS_PER_SESSION) must be a number, but it is "many".',
    ],
    [
      "an empty one",
      { maxListenersPerSession: "" },
      'Setting maxListenersPerSession (MAX_LISTENERS_PER_SESSION) must be a number, but it is "".',
    ],
    [
      "a count with a fraction",
      { maxListenersPerSession: "1.5" },
      'Setting maxListenersPerSession (MAX_LISTENERS_PER_SESSION) must be a whole number, but it is "1.5".',
    ],
    [
      "a limit of 0",
      { rateLimitSessionsPerHour: "0" },
      'Setting rateLimitSessionsPerHour (RATE_LIMIT_SESSIONS_PER_HOUR) must be at least 1, but it is "0".',
    ],
    [
      "a negative grace",
      { speakerGraceSeconds: "-1" },
      'Setting speakerGraceSeconds (SPEAKER_GRACE_SECONDS) must not be negative, but it is "-1".',
    ],
    [
      "a session over API Gateway's two hours",
      { sessionMaxDurationHours: "2.01" },
      /^Setting sessionMaxDurationHours .+ must not exceed 2: .+, but it is "2.01"\.$/,
    ],
    [
      "a connection over API Gateway's two hours",
      { connectionMaxDurationHours: "3" },
      /^Setting connectionMaxDurationHours .+ must not exceed 2: .+, but it is "3"\.$/,
    ],
    [
      "a warning before the refresh",
      { connectionWarningMinutes: "99" },
      "Setting connectionWarningMinutes (CONNECTION_WARNING_MINUTES) must not be before connectionRefreshMinutes, but it is 99.",
    ],
    [
      "a warning at the connection's end",
      { connectionWarningMinutes: "120" },
      "Setting connectionWarningMinutes (CONNECTION_WARNING_MINUTES) must be less than connectionMaxDurationHours, but it is 120.",
    ],
    [
      "a refresh at the connection's end",
      { connectionRefreshMinutes: "120" },
      "Setting connectionRefreshMinutes (CONNECTION_REFRESH_MINUTES) must be less than connectionMaxDurationHours, but it is 120.",
    ],
    [
      "a timeout as short as the interval",
      { heartbeatTimeoutSeconds: "30" },
      "Setting heartbeatTimeoutSeconds (HEARTBEAT_TIMEOUT_SECONDS) must be more than heartbeatIntervalSeconds, but it is 30.",
    ],
    [
      "a pool without its client",
      { cognitoUserPoolId: "us-east-1_AbCdEf123" },
      "Setting cognitoClientId (COGNITO_CLIENT_ID) must be set together with cognitoUserPoolId.",
    ],
    [
      "a client without its pool",
      { cognitoClientId: "abc" },
      'Setting cognitoClientId (COGNITO_CLIENT_ID) must be set together with cognitoUserPoolId, but it is "abc".',
    ],
    [
      "a budget without an address",
      { monthlyBudget: "55" },
      "Setting alarmEmail (ALARM_EMAIL) must be set together with monthlyBudget.",
    ],
    [
      "text instead of a pool's id",
      { cognitoUserPoolId: "pool", cognitoClientId: "abc" },
      /^Setting cognitoUserPoolId \(COGNITO_USER_POOL_ID\) must be a pool's id .+, but it is "pool"\.$/,
    ],
    [
      "text instead of a region",
      { region: "moon" },
      'Setting region (REGION) must be a region such as us-east-1, but it is "moon".',
    ],
    [
      "an account with too few digits",
      { account: "123" },
      'Setting account (ACCOUNT) must be an account\'s 12 digits, but it is "123".',
    ],
    [
      "text instead of an address for alarms",
      { alarmEmail: "ops" },
      'Setting alarmEmail (ALARM_EMAIL) must be an e-mail address, but it is "ops".',
    ],
    ["a VPC that is not JSON", { vpc: "vpc-1" }, 'Setting vpc (VPC) must be JSON, but it is "vpc-1".'],
    [
      "a VPC without security groups",
      { vpc: '{"privateSubnets":[]}' },
      /^Setting vpc \(VPC\) must have privateSubnets and securityGroups, and nothing else, but it is .+\.$/,
    ],
    [
      "a protection that is neither true nor false",
      { isProtected: "1" },
      "Setting isProtected (IS_PROTECTED) must be true or false, but it is 1.",
    ],
    [
      "a sign-in by password that is neither true nor false",
      { passwordSignIn: '"yes"' },
      'Setting passwordSignIn (PASSWORD_SIGN_IN) must be true or false, but it is "yes".',
    ],
  ] as const)("%s", (_, settings, sentence) => {
    expect(() => given(settings)).toThrow(sentence);
  });

  test("and stops the whole program: a setting that app() reads", async () => {
    await expect(graphOf("dev", { HEARTBEAT_TIMEOUT_SECONDS: "30" })).rejects.toMatchObject({
      name: "UserError",
      message:
        "Setting heartbeatTimeoutSeconds (HEARTBEAT_TIMEOUT_SECONDS) must be more than heartbeatIntervalSeconds, but it is 30.",
    });
  });

  test("and stops the whole program: an unknown setting", async () => {
    await expect(graphOf("dev", { maxListeners: "5" })).rejects.toMatchObject({
      name: "UserError",
      message: expect.stringMatching(
        /^Setting maxListeners \(MAX_LISTENERS\) is unknown; the settings are [^\n]+\.$/,
      ),
    });
  });
});
