import { expect, test } from "vitest";
import { sessionStatus } from "../message/speaker.js";
import { type Stage, useStage } from "../testing/index.js";
import { Failure } from "../value/failure.js";
import * as ConnectionTable from "./connection.table.js";
import { isUnavailable } from "./retry.js";
import * as SessionTable from "./session.table.js";

const stage = await useStage();

type Fault = Parameters<Stage["inject"]>[0];

/** Injects a fault that strikes the domain's requests, not the test's own. */
const inject = (kind: Fault["kind"], operation: string, times?: number) =>
  stage.inject({
    kind,
    match: { operation },
    ...(times === undefined ? {} : { times }),
  });

const thrown = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

test.each(["throttle", "internal-error", "unreachable", "lost-answer"] as const)(
  "rule 21: a read struck twice by %s is made a third time",
  async (kind) => {
    const sessionId = await stage.create();
    inject(kind, "GetItem", 2);
    stage.forgetRequests();
    expect(await SessionTable.get(stage.core, sessionId)).toMatchObject({ sessionId });
    expect(stage.requests()).toHaveLength(3);
  },
);

test.each(["throttle", "internal-error", "unreachable"] as const)(
  "rule 21: a read that %s strikes three times is given up as SERVICE_UNAVAILABLE, with the cause",
  async (kind) => {
    const end = inject(kind, "GetItem");
    stage.forgetRequests();
    const error = await thrown(SessionTable.get(stage.core, "golden-eagle-427"));
    end();
    expect(error).toBeInstanceOf(Failure);
    expect(isUnavailable(error)).toBe(true);
    expect((error as Failure).cause).toBeInstanceOf(Error);
    expect(stage.requests()).toHaveLength(3);
  },
);

test("rule 21: a throttled write was not done, so also one that must not be repeated is made again", async () => {
  const sessionId = await stage.create();
  await stage.join(sessionId, "listener");
  inject("throttle", "UpdateItem", 2);
  await SessionTable.releaseSeat(stage.core, sessionId, stage.now());
  expect((await stage.session(sessionId)).listenerCount).toBe(0);
});

test.each(["internal-error", "unreachable", "lost-answer"] as const)(
  "rule 5: a seat's release is never repeated after %s: a second one would free somebody else's",
  async (kind) => {
    const sessionId = await stage.create();
    for (const listener of ["one", "two", "three"]) await stage.join(sessionId, listener);
    inject(kind, "UpdateItem", 1);
    stage.forgetRequests();
    expect(isUnavailable(await thrown(SessionTable.releaseSeat(stage.core, sessionId, stage.now())))).toBe(
      true,
    );
    expect(stage.requests()).toEqual(["UpdateItem"]);
    expect((await stage.session(sessionId)).listenerCount).toBe(kind === "lost-answer" ? 2 : 3);
  },
);

test("rule 21: a call that DynamoDB rejects for its contents is a bug: neither repeated nor translated", async () => {
  const core = { ...stage.core, tables: { ...stage.tables, sessions: "Missing" } };
  stage.forgetRequests();
  const error = await thrown(SessionTable.get(core, "golden-eagle-427"));
  expect(error).toMatchObject({ name: "ResourceNotFoundException" });
  expect(stage.requests()).toHaveLength(1);
});

test("rule 21: the languages of a session are read again when the index is throttled", async () => {
  const sessionId = await stage.create();
  await stage.join(sessionId, "listener");
  inject("throttle", "Query", 2);
  expect(await sessionStatus(stage.core, "speaker")).toMatchObject({ languageDistribution: { es: 1 } });
});

test("rule 21: a status that cannot be had is refused as SERVICE_UNAVAILABLE", async () => {
  await stage.create();
  const end = inject("unreachable", "Query");
  const error = await thrown(sessionStatus(stage.core, "speaker"));
  end();
  expect(isUnavailable(error)).toBe(true);
});

test("a failed condition brings the row as it was found, so that no second read is needed", async () => {
  const sessionId = await stage.create();
  const row = await ConnectionTable.get(stage.core, "speaker");
  if (!row) throw new Error("The speaker has a row");
  expect(await ConnectionTable.insert(stage.core, { ...row, ttl: 1 })).toBe(false);
  stage.forgetRequests();
  const refused = await SessionTable.reserveSeat(stage.core, sessionId, 0);
  expect(refused).toMatchObject({ outcome: "full", session: { sessionId, listenerCount: 0 } });
  expect(stage.requests()).toEqual(["UpdateItem"]);
});
