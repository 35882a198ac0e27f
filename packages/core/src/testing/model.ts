import fc from "fast-check";
import * as v from "valibot";
import { expect } from "vitest";
import { endSession } from "../message/speaker.js";
import type { Core } from "../port/core.js";
import { reap } from "../reaper/reap.js";
import { Failure } from "../value/failure.js";
import { violations } from "./invariant.js";
import { Killed } from "./process.js";
import { type Stage, useStage } from "./stage.js";
import { minute, second, seed, ticketFor } from "./values.js";

/** The stage of the test file that imports this module. */
const stage = await useStage();

const settings = {
  maxListenersPerSession: 3,
  rateLimitSessionsPerHour: 1_000,
  heartbeatTimeoutSeconds: 90,
};

/** One step of a walk. */
interface Step {
  readonly act: keyof typeof acts;
  /** Chooses among the rows that are there. */
  readonly which: number;
  /** The number of calls after which the function is killed; undefined: it is not killed. */
  readonly killedAfter: number | undefined;
}

interface World {
  readonly by: Core;
  readonly which: number;
  readonly id: string;
  /** Awaits a handshake. If it fails, its socket is gone. */
  readonly handshake: (shaken: Promise<unknown>) => Promise<void>;
}

const pick = <Item>(items: readonly Item[], which: number): Item | undefined => items[which % items.length];

const members = async (role: "speaker" | "listener") => {
  const rows = await stage.rows("connections");
  return rows
    .filter((row) => row.role === role)
    .map((row) => String(row.connectionId))
    .sort();
};

const anySession = async (which: number) => {
  const ids = (await stage.rows("sessions")).map(({ sessionId }) => String(sessionId)).sort();
  return pick(ids, which) ?? "golden-eagle-427";
};

/** Records that a killed function did not finish: the stream delivers them again. */
const pending: ReturnType<Stage["changes"]> = [];

/** Connections whose record was lost for good, so that they were never welcomed. */
const lost = new Set<string>();

const insertedSchema = v.object({ connectionId: v.string() });

const firstFrames = new Set<string>([
  "sessionCreated",
  "sessionJoined",
  "connectionRefreshComplete",
  "sessionEnded",
  "error",
]);

const deliver = async (by: Core): Promise<void> => {
  for (pending.push(...stage.changes()); pending.length > 0; pending.push(...stage.changes())) {
    await stage.handle(pending, by);
    pending.length = 0;
  }
};

const codes = [1000, 1005, 1001, 1006, undefined];

const acts = {
  create: ({ by, id, handshake }: World) => handshake(stage.create(id, { by })),
  join: async ({ by, id, which, handshake }: World) =>
    handshake(stage.join(await anySession(which), id, { by })),
  joinByFrame: async ({ by, id, which, handshake }: World) =>
    handshake(stage.join(await anySession(which), id, { by, errors: "frame" })),
  refreshSpeaker: async ({ by, id, which, handshake }: World) =>
    handshake(stage.refresh(await anySession(which), "speaker", id, { by })),
  refreshListener: async ({ by, id, which, handshake }: World) => {
    const connectionId = pick(await members("listener"), which);
    const row = connectionId === undefined ? undefined : await stage.connection(connectionId);
    if (row?.role !== "listener") return;
    const { sessionId } = row;
    const ticket = ticketFor(sessionId, row.connectionId, { targetLanguage: row.targetLanguage });
    await handshake(stage.refresh(sessionId, "listener", id, { by, ticket }));
  },
  listenerLeaves: async ({ by, which }: World) => {
    const id = pick(await members("listener"), which);
    if (id !== undefined) await stage.leave(id, 1001, by);
  },
  speakerLeaves: async ({ by, which }: World) => {
    const id = pick(await members("speaker"), which);
    if (id !== undefined) await stage.leave(id, pick(codes, which), by);
  },
  /** The client vanishes without a `$disconnect`. */
  vanish: async ({ which }: World) => {
    const id = pick(stage.sockets.opened(), which);
    if (id !== undefined) stage.sockets.drop(id);
  },
  endSession: async ({ by, which }: World) => {
    const id = pick(await members("speaker"), which);
    if (id !== undefined) await endSession(by, id);
  },
  deliver: ({ by }: World) => deliver(by),
  /** The records expire before a function takes them. */
  loseRecords: async () => {
    for (const { eventName, table, after } of [...pending.splice(0), ...stage.changes()]) {
      const isConnection = eventName === "INSERT" && table === stage.tables.connections;
      if (isConnection) lost.add(v.parse(insertedSchema, after).connectionId);
    }
  },
  reap: ({ by }: World) => reap(by),
  wait: async ({ which }: World) => stage.pass((which % 100) * second),
};

const step: fc.Arbitrary<Step> = fc.record({
  act: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom<(keyof typeof acts)[]>("join", "deliver") },
    { weight: 2, arbitrary: fc.constantFrom(...(Object.keys(acts) as (keyof typeof acts)[])) },
  ),
  which: fc.nat(10_000),
  killedAfter: fc.option(fc.nat(6), { freq: 4, nil: undefined }),
});

const walk = async (steps: readonly Step[]): Promise<void> => {
  await stage.reset();
  pending.length = 0;
  lost.clear();
  // A welcome gives a closed socket up at once, instead of after seconds of pauses.
  stage.sockets.beforeSend((id) => {
    if (!stage.sockets.of(id).open) stage.pass(10 * second);
  });
  await stage.create("speaker");
  for (const [index, { act, which, killedAfter }] of steps.entries()) {
    const by = stage.dying(killedAfter ?? Number.POSITIVE_INFINITY, settings);
    const id = `connection ${index}`;
    const handshake = async (shaken: Promise<unknown>): Promise<void> => {
      try {
        await shaken;
      } catch (error) {
        stage.sockets.drop(id);
        throw error;
      }
    };
    await acts[act]({ by, which, id, handshake }).catch((error: unknown) => {
      if (!(error instanceof Failure) && !(error instanceof Killed)) throw error;
    });
    await neverWrong();
  }
  // Quiet minutes: two for the reaper to heal, and the rest to close what the healing has ended.
  for (let n = 0; n < 4; n += 1) {
    await deliver(stage.core);
    stage.pass(minute + second);
    await reap(stage.core);
  }
  await deliver(stage.core);
  const unwelcomed = stage.sockets
    .opened()
    .filter((id) => !lost.has(id) && !stage.sockets.types(id).some((type) => firstFrames.has(type)));
  expect(unwelcomed).toEqual([]);
  expect(await violations(stage, { capacity: settings.maxListenersPerSession })).toEqual([]);
};

/** The rules that hold at every moment: no seat is oversold, and no listener's seat is uncounted. */
const neverWrong = async (): Promise<void> => {
  const connections = await stage.rows("connections");
  for (const session of await stage.rows("sessions")) {
    const count = Number(session.listenerCount);
    const listeners = connections.filter(
      ({ role, sessionId }) => role === "listener" && sessionId === session.sessionId,
    );
    expect(count).toBeGreaterThanOrEqual(0);
    expect(count).toBeLessThanOrEqual(settings.maxListenersPerSession + 10);
    if (session.isActive) expect(count).toBeGreaterThanOrEqual(listeners.length);
  }
};

/** Checks invariants 1 to 4 on random walks of up to `steps` steps. */
export const checkModel = (numRuns: number, steps: number): Promise<void> =>
  fc.assert(fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: steps, size: "max" }), walk), {
    numRuns,
    seed,
  });
