import {
  clientFrameSchema,
  connectQuerySchema,
  refreshFrameSchema,
  speakerFrameSchema,
} from "@lectern/protocol";
import { expect, test } from "vitest";
import { decode } from "../message/receive.js";
import { Failure } from "./failure.js";
import { parse } from "./parse.js";

const refusalOf = (act: () => unknown): Failure => {
  try {
    act();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("Nothing was refused");
};

const refused = (query: Record<string, unknown>) => {
  const { code, details, message } = refusalOf(() => parse(connectQuerySchema, query));
  return { code, parameter: details?.parameter, message };
};

const create = { action: "createSession", sourceLanguage: "en" };
const join = { action: "joinSession", sessionId: "golden-eagle-427", targetLanguage: "es" };
const refresh = { action: "refreshConnection", sessionId: "golden-eagle-427", role: "speaker" };

test("rule 1: a session's tier is standard and its network its listeners' own, unless said otherwise", () => {
  expect(parse(connectQuerySchema, create)).toEqual({
    ...create,
    qualityTier: "standard",
    sharedNetwork: false,
  });
  expect(
    parse(connectQuerySchema, { ...create, qualityTier: "premium", sharedNetwork: "true" }),
  ).toMatchObject({ qualityTier: "premium", sharedNetwork: true });
});

test.each([
  ["sourceLanguage", { action: "createSession" }],
  ["sessionId", { action: "joinSession", targetLanguage: "es" }],
  ["targetLanguage", { action: "joinSession", sessionId: "golden-eagle-427" }],
  ["role", { action: "refreshConnection", sessionId: "golden-eagle-427" }],
  ["sessionId", { action: "refreshConnection", role: "speaker" }],
  ["targetLanguage", { action: "refreshConnection", role: "listener", sessionId: "golden-eagle-427" }],
])("rule 7: a missing %s is named", (parameter, query) => {
  expect(refused(query)).toEqual({
    code: "INVALID_PARAMETERS",
    parameter,
    message: `Missing parameter: ${parameter}`,
  });
});

test.each([
  ["qualityTier", { ...create, qualityTier: "deluxe" }],
  ["qualityTier", { ...create, qualityTier: "" }],
  ["sharedNetwork", { ...create, sharedNetwork: "yes" }],
  ["role", { ...refresh, role: "admin" }],
  ["role", { ...refresh, role: "refused" }],
])("rule 15: a wrong %s is named", (parameter, query) => {
  expect(refused(query)).toEqual({
    code: "INVALID_PARAMETERS",
    parameter,
    message: `Invalid parameter: ${parameter}`,
  });
});

test.each(["English", "EN", "e", "eng", "", "en-us", "es_MX", "en ", "en\n", "pt-PTT"])(
  "rule 15: %j is no language",
  (code) => {
    expect(refused({ ...create, sourceLanguage: code })).toMatchObject({
      code: "INVALID_LANGUAGE",
      parameter: "sourceLanguage",
    });
    expect(refused({ ...join, targetLanguage: code })).toMatchObject({
      code: "INVALID_LANGUAGE",
      parameter: "targetLanguage",
    });
  },
);

test.each(["pt", "pt-PT", "zh-TW"])("rule 15: %s has the form of a language", (code) => {
  expect(parse(connectQuerySchema, { ...join, targetLanguage: code })).toMatchObject({
    targetLanguage: code,
  });
});

test.each([
  "golden-eagle-99",
  "golden-eagle-099",
  "golden-eagle-1000",
  "golden-427",
  "golden-eagle-427-x",
  "golden_eagle_427",
  "g-eagle-427",
  `${"a".repeat(21)}-eagle-427`,
  "",
])("rule 8: %j is no session id", (sessionId) => {
  expect(refused({ ...join, sessionId })).toMatchObject({
    code: "INVALID_SESSION_ID",
    parameter: "sessionId",
  });
});

test.each(["golden-eagle-100", "golden-eagle-999", `ab-${"z".repeat(20)}-500`])(
  "rule 3: %s is a session id",
  (sessionId) => {
    expect(parse(connectQuerySchema, { ...join, sessionId })).toMatchObject({ sessionId });
  },
);

test.each([{}, { action: "" }, { action: "listen" }, { action: "heartbeat" }, { action: ["joinSession"] }])(
  "rule 15: a handshake that asks for %j is an unknown action",
  (query) => {
    expect(refused(query).code).toBe("INVALID_ACTION");
  },
);

test.each([null, [], 5, "endSession", true])("rule 15: a frame %j has no action", (frame) => {
  expect(refusalOf(() => parse(speakerFrameSchema, frame)).code).toBe("INVALID_ACTION");
});

test("rule 15: a frame's action is one of the protocol's, and a missing parameter is named", () => {
  expect(parse(clientFrameSchema, { action: "heartbeat" })).toEqual({ action: "heartbeat" });
  expect(refusalOf(() => parse(clientFrameSchema, { action: 5 })).code).toBe("INVALID_ACTION");
  const { code, details } = refusalOf(() => parse(refreshFrameSchema, { action: "refreshConnection" }));
  expect({ code, details }).toEqual({ code: "INVALID_PARAMETERS", details: { parameter: "sessionId" } });
});

test("rule 15: text that is not JSON is an unknown action", () => {
  for (const body of ["", "{", "hello", "{'action':1}"]) {
    expect(refusalOf(() => decode(body)).code).toBe("INVALID_ACTION");
  }
  expect(decode('{"action":"endSession"}')).toEqual({ action: "endSession" });
});

test("rule 15: a message of 128 KB is read, one byte more is too large, counted in UTF-8", () => {
  const body = (bytes: number) => JSON.stringify("é".repeat((bytes - 2) / 2));
  expect(decode(body(128 * 1024))).toHaveLength((128 * 1024 - 2) / 2);
  expect(refusalOf(() => decode(`${body(128 * 1024)} `)).code).toBe("MESSAGE_TOO_LARGE");
});
