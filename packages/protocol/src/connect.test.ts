import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { connectQuerySchema } from "./index.js";

/** The first broken rule: the parameter, and the code that the rule gives it. */
const broken = (query: unknown): [string | null, string | undefined] => {
  const { issues } = v.safeParse(connectQuerySchema, query, { abortEarly: true });
  return [issues ? v.getDotPath(issues[0]) : null, issues?.[0].message];
};

const sessionId = "golden-eagle-427";

describe("createSession", () => {
  const create = { action: "createSession", sourceLanguage: "en" };

  test("defaults to the standard tier and no shared network", () => {
    expect(v.parse(connectQuerySchema, create)).toEqual({
      ...create,
      qualityTier: "standard",
      sharedNetwork: false,
    });
  });

  test("takes a tier and a shared network", () => {
    expect(
      v.parse(connectQuerySchema, { ...create, qualityTier: "premium", sharedNetwork: "true" }),
    ).toMatchObject({ qualityTier: "premium", sharedNetwork: true });
    expect(v.parse(connectQuerySchema, { ...create, sharedNetwork: "false" })).toMatchObject({
      sharedNetwork: false,
    });
  });

  test("lets nothing through that it does not know: no token, no option", () => {
    expect(v.parse(connectQuerySchema, { ...create, token: "secret", errors: "frame" })).toEqual({
      ...create,
      qualityTier: "standard",
      sharedNetwork: false,
    });
  });

  test.each([
    ["sourceLanguage", { action: "createSession" }],
    ["sourceLanguage", { ...create, sourceLanguage: "EN" }, "INVALID_LANGUAGE"],
    ["qualityTier", { ...create, qualityTier: "gold" }, "INVALID_PARAMETERS"],
    ["qualityTier", { ...create, qualityTier: "" }, "INVALID_PARAMETERS"],
    ["sharedNetwork", { ...create, sharedNetwork: "yes" }, "INVALID_PARAMETERS"],
    ["sharedNetwork", { ...create, sharedNetwork: "" }, "INVALID_PARAMETERS"],
  ])("names %s when it is wrong", (parameter, query, code?: string) => {
    expect(broken(query)).toEqual([parameter, code ?? expect.any(String)]);
  });
});

describe("joinSession", () => {
  const join = { action: "joinSession", sessionId, targetLanguage: "es" };

  test("takes a session and a language", () => {
    expect(v.parse(connectQuerySchema, join)).toEqual(join);
  });

  test.each([
    ["sessionId", { action: "joinSession", targetLanguage: "es" }],
    ["sessionId", { ...join, sessionId: "eagle" }, "INVALID_SESSION_ID"],
    ["targetLanguage", { action: "joinSession", sessionId }],
    ["targetLanguage", { ...join, targetLanguage: "spanish" }, "INVALID_LANGUAGE"],
  ])("names %s when it is wrong", (parameter, query, code?: string) => {
    expect(broken(query)).toEqual([parameter, code ?? expect.any(String)]);
  });
});

describe("refreshConnection", () => {
  const speaker = { action: "refreshConnection", role: "speaker", sessionId };
  const listener = { action: "refreshConnection", role: "listener", sessionId, targetLanguage: "es" };

  test("takes a speaker and a listener, with or without a ticket", () => {
    for (const query of [speaker, listener]) {
      expect(v.parse(connectQuerySchema, query)).toEqual(query);
      expect(v.parse(connectQuerySchema, { ...query, ticket: "t" })).toEqual({ ...query, ticket: "t" });
    }
  });

  test("of a speaker has no target language", () => {
    expect(v.parse(connectQuerySchema, { ...speaker, targetLanguage: "es" })).toEqual(speaker);
  });

  test.each([
    ["role", { action: "refreshConnection", sessionId }],
    ["role", { ...speaker, role: "owner" }],
    ["sessionId", { action: "refreshConnection", role: "speaker" }],
    ["sessionId", { ...listener, sessionId: "eagle" }, "INVALID_SESSION_ID"],
    ["targetLanguage", { action: "refreshConnection", role: "listener", sessionId }],
    ["targetLanguage", { ...listener, targetLanguage: "xx-yy" }, "INVALID_LANGUAGE"],
  ])("names %s when it is wrong", (parameter, query, code?: string) => {
    expect(broken(query)).toEqual([parameter, code ?? expect.any(String)]);
  });
});

test.each([
  {},
  { action: "" },
  { action: "createsession" },
  { action: "heartbeat" },
  { sourceLanguage: "en" },
])("%j has no action that is known", (query) => {
  expect(broken(query)).toEqual(["action", "INVALID_ACTION"]);
});
