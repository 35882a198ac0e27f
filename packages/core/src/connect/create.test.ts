import { sessionIdSchema } from "@lectern/protocol";
import * as v from "valibot";
import { expect, test } from "vitest";
import { hour, midnight, useStage } from "../testing/index.js";

const stage = await useStage();

test("rule 1: a session begins with all its attributes", async () => {
  const sessionId = await stage.create("speaker", { qualityTier: "premium", sharedNetwork: true });
  expect(v.is(sessionIdSchema, sessionId)).toBe(true);
  expect(await stage.rows("sessions")).toEqual([
    {
      sessionId,
      speakerConnectionId: "speaker",
      speakerUserId: "alice",
      speakerSince: midnight,
      sourceLanguage: "en",
      qualityTier: "premium",
      sharedNetwork: true,
      createdAt: midnight,
      isActive: true,
      listenerCount: 0,
      seatsChangedAt: midnight,
      expiresAt: (midnight + 2 * hour) / 1000,
    },
  ]);
});

test("rule 1: the speaker's connection has a row without a language, and so is not in the index", async () => {
  const sessionId = await stage.create("speaker");
  const [row] = await stage.rows("connections");
  expect(row).toEqual({
    connectionId: "speaker",
    sessionId,
    role: "speaker",
    connectedAt: midnight,
    requestedAt: midnight - 20,
    requestId: expect.any(String),
    addressHash: expect.stringMatching(/^[\w-]{43}$/),
    ttl: (midnight + 3 * hour) / 1000,
  });
});

test("rule 1: a session is refused without a token, and in a language that is not translated", async () => {
  await expect(stage.create("a", { from: { userId: undefined } })).rejects.toMatchObject({
    code: "UNAUTHORIZED",
  });
  await expect(stage.create("b", { sourceLanguage: "xx" })).rejects.toMatchObject({
    code: "UNSUPPORTED_LANGUAGE",
    details: { parameter: "sourceLanguage" },
  });
  for (const table of ["sessions", "connections", "rateLimits"] as const) {
    expect(await stage.rows(table)).toEqual([]);
  }
});

test("rule 3: an id that is taken is not given twice, another is tried", async () => {
  const chances = [0, 0, 0, 0, 0, 0, 1, 1, 1];
  const by = { ...stage.core, random: () => chances.shift() ?? 2 };
  const first = await stage.create("a", { by });
  const second = await stage.create("b", { by });
  expect(second).not.toBe(first);
  expect(chances).toEqual([]);
});

test("rule 3: after ten ids that were all taken the session is refused as SERVICE_UNAVAILABLE", async () => {
  const by = { ...stage.core, random: () => 0 };
  await stage.create("a", { by });
  stage.forgetRequests();
  await expect(stage.create("b", { by })).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE" });
  expect(stage.requests().filter((operation) => operation === "PutItem")).toHaveLength(10);
  expect(await stage.connection("b")).toBeUndefined();
  expect(await stage.rows("sessions")).toHaveLength(1);
});

test("rule 13: a user may create fifty sessions in an hour, whatever the address", async () => {
  const by = stage.with({ rateLimitSessionsPerHour: 3 });
  for (const id of ["a", "b", "c"]) await stage.create(id, { by });
  await expect(stage.create("d", { by })).rejects.toMatchObject({
    code: "RATE_LIMIT_EXCEEDED",
    retryAfter: 20 * 60,
    details: { limit: "sessions" },
  });
  await stage.create("e", { by, from: { userId: "bob" } });
  expect(await stage.rows("sessions")).toHaveLength(4);
});

test("rule 13: the user's name is not stored with the limit", async () => {
  await stage.create();
  expect(JSON.stringify(await stage.rows("rateLimits"))).not.toContain("alice");
});

test.each(["Connections", "Sessions"] as const)(
  "rule 21: with %s out of reach a session is refused as SERVICE_UNAVAILABLE",
  async (name) => {
    const table = name === "Sessions" ? stage.tables.sessions : stage.tables.connections;
    const end = stage.inject({ kind: "unreachable", match: { table } });
    await expect(stage.create()).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE" });
    end();
    expect(await stage.rows("sessions")).toEqual([]);
    expect(await stage.rows("connections")).toEqual([]);
  },
);

test.each(["sessions", "connections"] as const)(
  "a refused create leaves nothing behind when the answer about its row in %s was lost",
  async (name) => {
    stage.inject({
      kind: "lost-answer",
      match: { operation: "PutItem", table: stage.tables[name] },
      times: 1,
    });
    await expect(stage.create()).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE" });
    expect(await stage.rows("sessions")).toEqual([]);
    expect(await stage.rows("connections")).toEqual([]);
  },
);

test("rule 16: a repeated connect of a speaker opens no second session", async () => {
  await stage.create();
  await stage.create();
  expect(await stage.rows("sessions")).toHaveLength(1);
  expect(await stage.rows("connections")).toHaveLength(1);
  expect(stage.log()).toContainEqual(expect.objectContaining({ message: "Repeated connect" }));
});
