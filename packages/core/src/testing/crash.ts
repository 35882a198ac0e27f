import type { SessionId } from "@lectern/protocol";
import { beforeAll, expect } from "vitest";
import { onDisconnect } from "../disconnect/connection.js";
import { endSession } from "../message/speaker.js";
import type { Core } from "../port/core.js";
import { reap } from "../reaper/reap.js";
import * as SessionTable from "../store/session.table.js";
import type { Settings } from "../value/settings.js";
import { violations } from "./invariant.js";
import { type Stage, useStage } from "./stage.js";
import { minute, ticketFor } from "./values.js";

// A function may be killed between any two calls of any flow: two reaper runs heal what it left.

/** The stage of the test file that imports this module. */
const stage = await useStage();

/** The rows of a session with its listeners `a` and `b`. Every world is a copy of them. */
type Template = Awaited<ReturnType<Stage["snapshot"]>>["rows"];

let template: Template;
beforeAll(async () => {
  const sessionId = await stage.create();
  for (const id of ["a", "b"]) await stage.join(sessionId, id);
  template = (await stage.snapshot()).rows;
});

/** One session with the connections `speaker`, `a` and `b`; `new` is the connection that arrives. All ids are numbered. */
interface World {
  readonly sessionId: SessionId;
  readonly id: (name: string) => string;
}

interface Flow {
  readonly name: string;
  /** What happened just before. */
  readonly before?: (world: World) => Promise<unknown>;
  /** The flow; by default, the streams' functions handle what happened before. */
  readonly run?: (by: Core, world: World) => Promise<unknown>;
  /** A client that left before the flow begins. */
  readonly left?: string;
  readonly settings?: Partial<Settings>;
}

const ticket = ({ sessionId, id }: World): string => ticketFor(sessionId, id("a"));

const leaves = (name: string, code: number): Pick<Flow, "run" | "left"> => ({
  run: (by, { id }) => onDisconnect(by, id(name), { code, ageMs: minute }),
  left: name,
});

export const flows: readonly Flow[] = [
  { name: "create", run: (by, { id }) => stage.create(id("new"), { by }) },
  {
    name: "create repeated",
    before: ({ id }) => stage.create(id("new")).then(() => undefined),
    run: (by, { id }) => stage.create(id("new"), { by }),
  },
  { name: "join", run: (by, { sessionId, id }) => stage.join(sessionId, id("new"), { by }) },
  {
    name: "join refused by a limit",
    settings: { rateLimitListenerJoinsPerMin: 1 },
    before: ({ sessionId, id }) => stage.join(sessionId, id("a"), { from: { address: id("address") } }),
    run: (by, { sessionId, id }) =>
      stage.join(sessionId, id("new"), { by, from: { address: id("address") } }),
  },
  { name: "join repeated", run: (by, { sessionId, id }) => stage.join(sessionId, id("a"), { by }) },
  {
    name: "join refused by frame",
    run: (by, { id }) => stage.join("no-such-999", id("new"), { by, errors: "frame" }),
  },
  {
    name: "refresh of a speaker",
    run: (by, { sessionId, id }) => stage.refresh(sessionId, "speaker", id("new"), { by }),
  },
  {
    name: "refresh of a speaker in its grace period",
    before: ({ id }) => stage.leave(id("speaker"), 1001),
    run: (by, { sessionId, id }) => stage.refresh(sessionId, "speaker", id("new"), { by }),
  },
  {
    name: "refresh of a listener",
    run: (by, world) =>
      stage.refresh(world.sessionId, "listener", world.id("new"), { by, ticket: ticket(world) }),
  },
  { name: "leave of a listener", ...leaves("a", 1001) },
  { name: "leave of a speaker, deliberate", ...leaves("speaker", 1000) },
  { name: "leave of a speaker, lost", ...leaves("speaker", 1001) },
  { name: "endSession", run: (by, { id }) => endSession(by, id("speaker")) },
  {
    name: "welcome of a listener",
    before: ({ sessionId, id }) => stage.join(sessionId, id("new")),
  },
  {
    name: "welcome of a listener whose socket never opens",
    before: async ({ sessionId, id }) => {
      await stage.join(sessionId, id("new"));
      stage.sockets.drop(id("new"));
      stage.pass(20_000);
    },
  },
  {
    name: "welcome of a refreshed listener",
    before: (world) => stage.refresh(world.sessionId, "listener", world.id("new"), { ticket: ticket(world) }),
  },
  {
    name: "welcome of a refreshed speaker",
    before: ({ sessionId, id }) => stage.refresh(sessionId, "speaker", id("new")),
  },
  {
    name: "welcome after the end",
    before: async ({ sessionId, id }) => {
      await stage.join(sessionId, id("new"));
      await endSession(stage.core, id("speaker"));
    },
  },
  { name: "announcement of the end", before: ({ id }) => endSession(stage.core, id("speaker")) },
  { name: "announcement of a grace period", before: ({ id }) => stage.leave(id("speaker"), 1001) },
];

/** A minute passes: the reaper runs once, and the streams' records are delivered or lost. */
const minuteLater = async (streams: boolean): Promise<void> => {
  stage.pass(minute + 1000);
  await reap(stage.core);
  if (streams) await stage.deliver();
  else stage.changes();
};

/** Two minutes heal everything. Without streams, a session that the second run ended needs a third to close its sockets. */
const expectHealed = async (streams: boolean): Promise<void> => {
  await minuteLater(streams);
  await minuteLater(streams);
  expect(await violations(stage, { settled: streams })).toEqual([]);
  if (streams) return;
  await minuteLater(streams);
  expect(await violations(stage)).toEqual([]);
};

const worldOf = (n: number): World => ({
  sessionId: `golden-eagle-${100 + n}`,
  id: (name) => `${name} ${n}`,
});

/** Plants one more copy of the session and its connections. */
const plantWorld = async ({ sessions, connections }: Template, world: World): Promise<void> => {
  const renamed = (row: Record<string, unknown>) => ({
    ...row,
    sessionId: world.sessionId,
    ...("speakerConnectionId" in row
      ? { speakerConnectionId: world.id("speaker") }
      : { connectionId: world.id(String(row.connectionId)) }),
  });
  await stage.plant("sessions", ...sessions.map(renamed));
  await stage.plant("connections", ...connections.map(renamed));
  for (const { connectionId } of connections) stage.sockets.open(world.id(String(connectionId)));
};

/** How a flow is tried. */
export interface Trial {
  /** The streams deliver unfinished records again; otherwise the records are lost. */
  readonly streams: boolean;
  /** The number of calls that the first killed process completes. */
  readonly first: number;
  /** Each further process completes this many calls more. */
  readonly every: number;
}

/** Kills the flow at each of these calls, each time in a new world, and then runs it to its end. */
export const checkFlow = async (flow: Flow, { streams, first, every }: Trial): Promise<void> => {
  let died = true;
  let deaths = 0;
  // In the last world nobody was killed.
  for (let cuts = first; died; cuts += every) {
    const world = worldOf(cuts);
    await plantWorld(template, world);
    stage.changes();
    await flow.before?.(world);
    const pending = stage.changes();
    if (flow.left) stage.sockets.drop(world.id(flow.left));
    const by = stage.dying(cuts, flow.settings);
    const outcome = await (flow.run?.(by, world) ?? stage.handle(pending, by)).catch(
      (thrown: unknown) => thrown,
    );
    died = by.died();
    if (died) deaths += 1;
    // An unanswered handshake leaves no socket.
    if (flow.run && outcome instanceof Error) stage.sockets.drop(world.id("new"));
    if (!streams) {
      stage.changes();
      continue;
    }
    // After this time no socket is still opening.
    stage.pass(10_000);
    if (!flow.run && died) await stage.handle(pending);
    await stage.deliver();
  }
  expect(deaths).toBeGreaterThan(0);
  await expectHealed(streams);
};

/** Kills the reaper at these calls, each time with everything to do, and runs it once to its end. */
export const checkReaper = async ({ streams, first, every }: Trial): Promise<void> => {
  const sessionId = await stage.create("speaker");
  for (const id of ["a", "b"]) await stage.join(sessionId, id);
  const ended = await stage.create("other");
  await stage.join(ended, "c");
  await stage.deliver();
  await SessionTable.end(stage.core, ended, "ended", { speakerConnectionId: "other" });
  stage.pass(2 * minute);
  await stage.plant("sessions", { ...(await stage.session(sessionId)), listenerCount: 9 });
  for (const id of ["a", "speaker"]) stage.sockets.of(id).lastActiveAt = 0;
  const snapshot = await stage.snapshot();
  let died = true;
  for (let cuts = first; died; cuts += every) {
    await stage.restore(snapshot);
    const by = stage.dying(cuts);
    await reap(by).catch(() => undefined);
    died = by.died();
    if (streams) await stage.deliver();
    else stage.changes();
    await expectHealed(streams);
  }
};
