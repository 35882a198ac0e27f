import { EventEmitter, once } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Client, statusOf } from "@lectern/cli/client";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Stage, startStage } from "./stage.js";

/*
 * Every alarm of the program is brought to ringing, and to silence again, by traffic and faults of the stack; what
 * it takes is in the alarm's own definition in `infra/monitoring.ts`, which the stack evaluates.
 */

const minute = 60_000;

let stage: Stage;
/** Emits a function's short name (`welcome`) after each of its invocations. */
const invoked = new EventEmitter();
const crashes = new Map<string, number>();
const undo: (() => unknown)[] = [];

beforeAll(async () => {
  stage = await startStage(
    { maxActiveSessions: "2" },
    {
      observer: {
        onInvocation: ({ functionName, outcome }) => {
          const name = functionName.replace(/^session-(.*)-local$/, "$1");
          if (outcome.kind === "failed") crashes.set(name, (crashes.get(name) ?? 0) + 1);
          invoked.emit(name);
        },
      },
    },
  );
});

afterEach(async () => {
  for (const end of undo.splice(0)) await end();
  await stage.stack.idle();
  stage.stack.purgeFailures();
  // Whatever happened is out of every alarm's sight, and every bucket full.
  stage.stack.clock.advance(120 * minute);
  await stage.reap();
});

afterAll(() => stage?.stop());

const physical = (name: string): string => `session-${name}-local`;

const advance = (ms: number): void => stage.stack.clock.advance(ms);

/** Moves to the beginning of a minute, so that what follows falls into the minutes that it is meant for. */
const toFullMinute = (): void => advance(minute - (stage.stack.clock.now() % minute));

const stateOf = (name: string): string | undefined => {
  stage.stack.evaluateAlarms();
  return stage.stack.alarms().find((alarm) => alarm.name === `${name}-local`)?.state;
};

/** The states that the topic was told this alarm came into, the newest first. */
const toldOf = (name: string): unknown[] =>
  stage.stack
    .notifications()
    .map(({ message }) => JSON.parse(message))
    .filter(({ AlarmName }) => AlarmName === `${name}-local`)
    .map(({ NewStateValue }) => NewStateValue);

const inject = (fault: Parameters<Stage["stack"]["faults"]["inject"]>[0]): (() => void) => {
  const end = stage.stack.faults.inject(fault);
  undo.push(end);
  return end;
};

const times = <Result>(count: number, act: () => Promise<Result>): Promise<Result[]> =>
  Promise.all(Array.from({ length: count }, act));

/** Until the test is over, when it leaves. */
const staying = async <Someone extends Client>(arriving: Promise<Someone>): Promise<Someone> => {
  const client = await arriving;
  undo.push(() => client.leave());
  return client;
};

const create = (user: string) => stage.create({}, { user });

const refusedHandshake = () => statusOf(stage.connect({ action: "fly" }));

/** Ends a function whenever it runs, until it has died so often. */
const crash = async (name: string, often: number): Promise<void> => {
  const enough = (crashes.get(name) ?? 0) + often;
  while ((crashes.get(name) ?? 0) < enough) {
    await stage.stack.kill(physical(name));
    await nextTurn();
  }
};

/** Nothing that asks a database comes to its end, so that whatever runs can be killed in the middle. */
const hold = (): (() => void) => inject({ match: {}, kind: "latency", ms: 3_600_000 });

/** Ends a function in the middle of requests until the crashes are one more than its alarm bears. */
const crashWhile = async (name: string, request: () => Promise<unknown>): Promise<void> => {
  const enough = (crashes.get(name) ?? 0) + 11;
  const release = hold();
  while ((crashes.get(name) ?? 0) < enough) {
    let over = false;
    const requests = times(4, request).finally(() => {
      over = true;
    });
    while (!over) {
      await stage.stack.kill(physical(name));
      await nextTurn();
    }
    await requests;
  }
  release();
};

/** Has a stream's function, whose attempt has just failed, try again by letting time pass. */
const retryAfter = async (name: string, ms: number): Promise<void> => {
  // The mapping begins to wait once it has taken in how the attempt ended.
  await nextTurn();
  const again = once(invoked, name);
  advance(ms);
  await again;
};

/** A socket whose frames the gateway may answer for a dead function. */
const answeredByGateway = async () => {
  const answers = new EventEmitter();
  const client = await staying(
    stage.connect(
      { action: "createSession", sourceLanguage: "en", token: stage.token() },
      { onUnknown: (text) => answers.emit("answer", text) },
    ),
  );
  await client.next("sessionCreated");
  return {
    ask: async (frame: object): Promise<void> => {
      const answer = once(answers, "answer");
      client.send(frame);
      expect(JSON.parse(String(await answer))).toMatchObject({ message: "Internal server error" });
    },
  };
};

/** Has 11 frames die with their function, one after the other: the gateway's answers do not say whose they are. */
const crashWhileAsking = async (name: string, frame: object): Promise<void> => {
  const { ask } = await answeredByGateway();
  const release = hold();
  for (let died = 0; died < 11; died += 1) await Promise.all([ask(frame), crash(name, 1)]);
  release();
};

/** Has a stream's record fail, and be tried again twice, each time a minute later. */
const holdUp = async (name: string, begin: () => Promise<unknown>): Promise<void> => {
  toFullMinute();
  const first = once(invoked, name);
  await begin();
  await first;
  await retryAfter(name, 61_000);
  await retryAfter(name, 61_000);
};

interface Scenario {
  /** What makes the alarm ring. */
  readonly raise: () => Promise<unknown>;
  /** What happens once the trouble is over; by default nothing, for long enough. */
  readonly mend?: () => Promise<unknown>;
}

const quiet = async (): Promise<void> => advance(46 * minute);

const scenarios: Record<string, Scenario> = {
  "session-creation-latency": {
    raise: async () => {
      for (let period = 0; period < 2; period += 1) {
        toFullMinute();
        const end = inject({
          match: { table: stage.stack.tables.Sessions ?? "", operation: "GetItem" },
          kind: "latency",
          ms: 2_500,
          times: 1,
        });
        const speaker = await stage.connect({
          action: "createSession",
          sourceLanguage: "en",
          token: stage.token(),
        });
        advance(2_500);
        await speaker.next("sessionCreated");
        await speaker.leave();
        await stage.stack.idle();
        end();
        if (period === 0) advance(5 * minute);
      }
    },
    mend: async () => {
      advance(5 * minute);
      await (await create("alice")).leave();
    },
  },
  "connection-errors": {
    raise: async () => expect(new Set(await times(101, refusedHandshake))).toEqual(new Set([400])),
    mend: async () => {
      advance(5 * minute);
      await refusedHandshake();
    },
  },
  "active-sessions": {
    raise: async () => {
      toFullMinute();
      const speakers = await Promise.all([create("alice"), create("bob")]);
      await stage.reap();
      advance(minute);
      await stage.reap();
      for (const speaker of speakers) undo.push(() => speaker.leave());
    },
    mend: async () => {
      for (const end of undo.splice(0)) await end();
      await stage.stack.idle();
      advance(minute);
      await stage.reap();
    },
  },
  "errors-authorizer": { raise: () => crashWhile("authorizer", refusedHandshake) },
  "errors-connection-handler": { raise: () => crashWhile("connection-handler", refusedHandshake) },
  "errors-disconnect-handler": {
    raise: async () => {
      const { sessionId } = await staying(create("alice"));
      const listeners = await times(11, () => stage.join(sessionId));
      const release = hold();
      const crashing = crash("disconnect-handler", 11);
      await Promise.all(listeners.map((listener) => listener.leave()));
      await crashing;
      release();
    },
  },
  "errors-heartbeat-handler": {
    raise: () => crashWhileAsking("heartbeat-handler", { action: "heartbeat" }),
  },
  "errors-refresh-handler": {
    raise: () =>
      crashWhileAsking("refresh-handler", { action: "refreshConnection", sessionId: "golden-eagle-427" }),
  },
  "errors-default-handler": {
    raise: () => crashWhileAsking("default-handler", { action: "getSessionStatus" }),
  },
  "errors-welcome": {
    raise: async () => {
      const { sessionId } = await staying(create("alice"));
      const crashing = crash("welcome", 11);
      // They get their welcome when the crashing is over.
      const listeners = await times(10, () => staying(stage.join(sessionId)));
      await crashing;
      expect(listeners).toHaveLength(10);
    },
  },
  "errors-announce": {
    raise: async () => {
      const speakers = await Promise.all(["a", "b", "c", "d", "e", "f"].map(create));
      const crashing = crash("announce", 11);
      await Promise.all(speakers.map((speaker) => speaker.leave()));
      await crashing;
    },
  },
  "errors-reaper": {
    raise: async () => {
      const end = inject({ match: {}, kind: "unreachable" });
      await times(11, () => stage.stack.invoke(physical("reaper"), {}));
      end();
    },
  },
  "errors-drain": {
    raise: async () => {
      const end = inject({ match: {}, kind: "unreachable" });
      await times(11, () => stage.stack.invoke(physical("drain"), { limit: 1 }));
      end();
    },
  },
  "stream-age-welcome": {
    raise: async () => {
      const end = inject({
        match: { table: stage.stack.tables.Sessions ?? "", operation: "GetItem" },
        kind: "unreachable",
      });
      let welcomed: Promise<unknown> | undefined;
      await holdUp("welcome", async () => {
        const speaker = await staying(
          stage.connect({ action: "createSession", sourceLanguage: "en", token: stage.token() }),
        );
        welcomed = speaker.next("sessionCreated");
      });
      end();
      await welcomed;
    },
    mend: async () => {
      advance(2 * minute);
      await (await create("alice")).leave();
    },
  },
  "stream-age-announce": {
    raise: async () => {
      const speaker = await create("alice");
      const listener = await stage.join(speaker.sessionId);
      const end = inject({
        match: { table: stage.stack.tables.Connections ?? "", operation: "Query" },
        kind: "unreachable",
      });
      await holdUp("announce", () => speaker.leave());
      end();
      expect(await listener.next("sessionEnded")).toMatchObject({ reason: "speakerLeft" });
      await listener.closed;
    },
    mend: async () => {
      advance(2 * minute);
      const speaker = await create("alice");
      const announced = once(invoked, "announce");
      await speaker.leave();
      await announced;
    },
  },
  "stream-failures": {
    raise: async () => {
      const end = inject({
        match: { table: stage.stack.tables.Sessions ?? "", operation: "GetItem" },
        kind: "unreachable",
      });
      const first = once(invoked, "welcome");
      await staying(stage.connect({ action: "createSession", sourceLanguage: "en", token: stage.token() }));
      await first;
      for (let retry = 0; retry < 5; retry += 1) await retryAfter("welcome", 5_000);
      await stage.stack.idle();
      end();
    },
    mend: async () => {
      advance(10 * minute);
      expect(stateOf("stream-failures")).toBe("ALARM");
      stage.stack.purgeFailures();
      advance(minute);
    },
  },
  "reaper-silent": {
    raise: async () => {
      await stage.reap();
      expect(stateOf("reaper-silent")).toBe("OK");
      advance(6 * minute);
    },
    mend: () => stage.reap(),
  },
  "internal-errors": {
    raise: async () => {
      const speaker = await staying(create("alice"));
      // A row that no version of ours has written: reading it is a bug to the handler.
      await stage.plant(speaker.sessionId, { sourceLanguage: "not a language" });
      for (let request = 1; request <= 11; request += 1) {
        expect(await speaker.ask({ action: "getSessionStatus" }, "error")).toMatchObject({
          code: "INTERNAL_ERROR",
          status: 500,
        });
      }
      await stage.plant(speaker.sessionId, { sourceLanguage: "en" });
    },
  },
  "background-errors": {
    raise: async () => {
      const { sessionId } = await staying(create("alice"));
      // A row that no version of ours has written.
      await stage.plant(sessionId, { sourceLanguage: "not a language" });
      for (let run = 1; run <= 11; run += 1) await stage.reap();
      await stage.plant(sessionId, { sourceLanguage: "en" });
    },
  },
  "limits-off": {
    raise: async () => {
      const speaker = await staying(create("alice"));
      const end = inject({ match: { table: stage.stack.tables.RateLimits ?? "" }, kind: "unreachable" });
      for (let beat = 1; beat <= 11; beat += 1) await speaker.ask({ action: "heartbeat" }, "heartbeatAck");
      end();
    },
  },
  "count-drift": {
    raise: async () => {
      const { sessionId } = await staying(create("alice"));
      await stage.plant(sessionId, { listenerCount: 11 });
      advance(31_000);
      await stage.reap();
      expect(await stage.sessionOf(sessionId)).toMatchObject({ listenerCount: 0 });
    },
    mend: async () => {
      advance(15 * minute);
      await stage.reap();
    },
  },
  "throttles-lambda": {
    raise: async () => {
      stage.stack.throttle(physical("connection-handler"), 1);
      expect(await refusedHandshake()).toBe(502);
      expect(await refusedHandshake()).toBe(400);
    },
  },
  "throttles-dynamodb": {
    raise: async () => {
      inject({
        match: { table: stage.stack.tables.Sessions ?? "", operation: "PutItem" },
        kind: "throttle",
        times: 1,
      });
      await staying(create("alice"));
    },
  },
};

test("there is a scenario for each alarm of the program, and for nothing else", () => {
  const names = stage.stack.alarms().map(({ name }) => name.replace(/-local$/, ""));
  expect(Object.keys(scenarios).sort()).toEqual(names.sort());
});

test("the local stack can evaluate every alarm, and none rings of a healthy system", async () => {
  await stage.reap();
  const speaker = await create("alice");
  const listener = await stage.join(speaker.sessionId);
  await listener.ask({ action: "heartbeat" }, "heartbeatAck");
  await speaker.leave();
  await listener.closed;
  await stage.stack.idle();
  stage.stack.evaluateAlarms();
  for (const { name, definition, state } of stage.stack.alarms()) {
    expect([name, definition !== undefined, state]).toEqual([name, true, "OK"]);
  }
});

test.each(Object.entries(scenarios))(
  "%s rings and falls silent again",
  async (name, { raise, mend = quiet }) => {
    expect(stateOf(name)).toBe("OK");
    await raise();
    // What was to fail has failed; the rest must not grow old with the clock.
    await stage.stack.idle();
    expect(stateOf(name)).toBe("ALARM");
    expect(toldOf(name)[0]).toBe("ALARM");
    await mend();
    await stage.stack.idle();
    expect(stateOf(name)).toBe("OK");
    expect(toldOf(name)[0]).toBe("OK");
  },
);

test("errors-authorizer does not ring for tokens that are refused, however many", async () => {
  const refused = await times(30, () =>
    statusOf(stage.connect({ action: "createSession", sourceLanguage: "en", token: "x.y.z" })),
  );
  expect(new Set(refused)).toEqual(new Set([401]));
  expect(stateOf("errors-authorizer")).toBe("OK");
});

test("throttles-dynamodb rings for the index too, whose throttles are not in its table's metrics", async () => {
  const speaker = await staying(create("alice"));
  inject({
    match: { table: stage.stack.tables.Connections ?? "", operation: "Query" },
    kind: "throttle",
    times: 1,
  });
  await speaker.ask({ action: "getSessionStatus" }, "sessionStatus");
  expect(stateOf("throttles-dynamodb")).toBe("ALARM");
});
