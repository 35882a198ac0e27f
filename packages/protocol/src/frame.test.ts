import * as v from "valibot";
import { describe, expect, test } from "vitest";
import {
  clientFrameSchema,
  errorCodes,
  isRetryable,
  type ServerFrame,
  serverFrameSchema,
  speakerFrameSchema,
  statusOf,
} from "./index.js";

const sessionId = "golden-eagle-427";

const broken = (schema: v.GenericSchema, frame: unknown): [string | null, string | undefined] => {
  const { issues } = v.safeParse(schema, frame, { abortEarly: true });
  return [issues ? v.getDotPath(issues[0]) : null, issues?.[0].message];
};

describe("frames from the client", () => {
  test.each([
    { action: "heartbeat" },
    { action: "refreshConnection", sessionId },
    { action: "getSessionStatus" },
    { action: "endSession" },
  ])("%j is valid", (frame) => {
    expect(v.parse(clientFrameSchema, frame)).toEqual(frame);
  });

  test("keep only known fields: permissions never come from a frame", () => {
    expect(v.parse(clientFrameSchema, { action: "endSession", role: "speaker", sessionId })).toEqual({
      action: "endSession",
    });
  });

  test.each([
    [{ action: "createSession" }, "action", "INVALID_ACTION"],
    [{ action: "Heartbeat" }, "action", "INVALID_ACTION"],
    [{ action: 7 }, "action", "INVALID_ACTION"],
    [{}, "action", "INVALID_ACTION"],
    [[], "action", "INVALID_ACTION"],
    [null, null, "INVALID_ACTION"],
    ["heartbeat", null, "INVALID_ACTION"],
    [{ action: "refreshConnection" }, "sessionId", expect.any(String)],
    [{ action: "refreshConnection", sessionId: 427 }, "sessionId", "INVALID_PARAMETERS"],
    [{ action: "refreshConnection", sessionId: "eagle" }, "sessionId", "INVALID_SESSION_ID"],
  ])("%j is none, and what is wrong with it is named", (frame, parameter, code) => {
    expect(broken(clientFrameSchema, frame)).toEqual([parameter, code]);
  });

  test("a speaker's are two of them", () => {
    expect(v.is(speakerFrameSchema, { action: "getSessionStatus" })).toBe(true);
    expect(v.is(speakerFrameSchema, { action: "endSession" })).toBe(true);
    expect(broken(speakerFrameSchema, { action: "heartbeat" })).toEqual(["action", "INVALID_ACTION"]);
  });
});

const timestamp = 1_795_421_778_401;
const connectionId = "L0SM9cOFvHcCIhw=";

/** One frame of each type, with all its optional fields. */
const frames: { [Type in ServerFrame["type"]]: Extract<ServerFrame, { type: Type }> } = {
  sessionCreated: {
    type: "sessionCreated",
    timestamp,
    sessionId,
    sourceLanguage: "en",
    qualityTier: "premium",
    connectionId,
    expiresAt: timestamp + 7_200_000,
    ticket: "ticket",
  },
  sessionJoined: {
    type: "sessionJoined",
    timestamp,
    sessionId,
    targetLanguage: "pt-PT",
    sourceLanguage: "en",
    connectionId,
    ticket: "ticket",
  },
  heartbeatAck: { type: "heartbeatAck", timestamp },
  sessionStatus: {
    type: "sessionStatus",
    timestamp,
    sessionId,
    isActive: true,
    listenerCount: 13,
    languageDistribution: { es: 12, "zh-TW": 1 },
  },
  connectionRefreshRequired: {
    type: "connectionRefreshRequired",
    timestamp,
    sessionId,
    role: "listener",
    targetLanguage: "es",
    ticket: "ticket",
    url: "wss://live.example.com",
    deadline: timestamp + 600_000,
    message: "Refresh",
  },
  connectionWarning: { type: "connectionWarning", timestamp, remainingMinutes: 14.5, message: "Soon" },
  connectionRefreshComplete: {
    type: "connectionRefreshComplete",
    timestamp,
    sessionId,
    role: "listener",
    targetLanguage: "es",
    sourceLanguage: "en",
    connectionId,
    ticket: "ticket",
  },
  speakerReconnecting: { type: "speakerReconnecting", timestamp, sessionId },
  speakerReconnected: { type: "speakerReconnected", timestamp, sessionId },
  sessionEnded: { type: "sessionEnded", timestamp, sessionId, reason: "speakerLost", message: "Over" },
  error: {
    type: "error",
    timestamp,
    code: "RATE_LIMIT_EXCEEDED",
    message: "Too fast",
    status: 429,
    retryable: true,
    retryAfter: 3,
    details: { sessionId },
  },
};

/** The optional fields of each type. */
const optional: Partial<Record<string, readonly string[]>> = {
  connectionRefreshRequired: ["targetLanguage", "url"],
  connectionRefreshComplete: ["targetLanguage"],
  error: ["retryAfter", "details"],
};

describe.each(Object.entries(frames))("%s", (type, frame) => {
  test("is a frame from the server, unchanged by its schema", () => {
    expect(v.parse(serverFrameSchema, JSON.parse(JSON.stringify(frame)))).toEqual(frame);
  });

  test.each(Object.keys(frame).filter((field) => field !== "type"))(
    "%s: needed or optional, and typed",
    (field) => {
      const without = Object.fromEntries(Object.entries(frame).filter(([name]) => name !== field));
      expect(v.is(serverFrameSchema, without)).toBe(optional[type]?.includes(field) ?? false);
      if (!v.is(serverFrameSchema, without)) expect(broken(serverFrameSchema, without)[0]).toBe(field);
      expect(v.is(serverFrameSchema, { ...frame, [field]: null })).toBe(false);
    },
  );
});

test("a frame of an unknown type is invalid", () => {
  expect(v.is(serverFrameSchema, { type: "welcome", timestamp })).toBe(false);
  expect(v.is(serverFrameSchema, { timestamp })).toBe(false);
});

test.each([
  "wss://live.example.com",
  "wss://live.example.com:8443/",
  "wss://abc123.execute-api.us-east-1.amazonaws.com/prod",
  "ws://127.0.0.1:4000/prod",
  "ws://localhost:4000/prod",
])("a client may be asked to come to %s", (url) => {
  expect(v.is(serverFrameSchema, { ...frames.connectionRefreshRequired, url })).toBe(true);
});

test.each([
  ["ws://live.example.com", "a speaker's token would travel in the clear"],
  ["ws://localhost.example.com", "it only begins as this machine's name"],
  ["https://live.example.com", "it is no WebSocket's"],
  ["wss://alice:secret@live.example.com", "it holds a password"],
  ["wss://live.example.com?action=joinSession", "the query is the client's"],
  ["wss://live.example.com/#top", "a WebSocket's has no fragment"],
  ["wss://", "it names nobody"],
  ["live.example.com", "it is none at all"],
])("no client is asked to come to %s: %s", (url) => {
  expect(broken(serverFrameSchema, { ...frames.connectionRefreshRequired, url })[0]).toBe("url");
});

test("an error frame carries a documented code only", () => {
  expect(v.is(serverFrameSchema, { ...frames.error, code: "TEAPOT" })).toBe(false);
  for (const code of errorCodes) {
    const status = statusOf[code];
    expect(v.is(serverFrameSchema, { ...frames.error, code, status, retryable: isRetryable(code) })).toBe(
      true,
    );
  }
});
