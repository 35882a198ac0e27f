import { EventEmitter, once } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Client, statusOf } from "@lectern/cli/client";
import { afterEach, expect, test } from "vitest";
import { type Stage, useStage } from "./stage.js";

/*
 * Traffic and faults bring every alarm to ALARM and back to OK. The stack evaluates the alarms' own definitions, those
 * of `infra/monitoring.ts`.
 */

const minute = 60_000;

/** Emits a function's short name (`welcome`) after each of its invocations. */
const invoked = new EventEmitter();
const crashes = new Map<string, number>();
const undo: (() => unknown)[] = [];

const stage = useStage(
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

afterEach(async () => {
  for (const end of undo.splice(0)) await end();
  await stage.stack.idle();
  stage.stack.purgeFailures();
  // Now the test is outside every alarm's period, and every bucket is full.
  stage.stack.clock.advance(120 * minute);
  await stage.reap();
});

const physical = (name: string): string => `session-${name}-local`;

const advance = (ms: number): void => stage.stack.clock.advance(ms);

/** Moves to the beginning of a minute, so that the next events fall into the intended minutes. */
const toFullMinute = (): void => advance(minute - (stage.stack.clock.now() % minute));

const stateOf = (name: string): string | undefined => {
  stage.stack.evaluateAlarms();
  return stage.stack.alarms().find((alarm) => alarm.name === `lectern-${name}-local`)?.state;
};

/** The alarm's states in the topic's notifications, the newest first. */
const toldOf = (name: string): unknown[] =>
  stage.stack
    .notifications()
    .map(({ message }) => JSON.parse(message))
    .filter(({ AlarmName }) => AlarmName === `lectern-${name}-local`)
    .map(({ NewStateValue }) => NewStateValue);

const inject = (fault: Parameters<Stage["stack"]["faults"]["inject"]>[0]): (() => void) => {
  const end = stage.stack.faults.inject(fault);
  undo.push(end);
  return end;
};

const times = <Result>(count: number, act: () => Promise<Result>): Promise<Result[]> =>
  Promise.all(Array.from({ length: count }, act));

/** A client that leaves at the end of the test. */
const staying = async <Someone extends Client>(arriving: Promise<Someone>): Promise<Someone> => {
  const client = await arriving;
  undo.push(() => client.leave());
  return client;
};

const create = (user: string) => stage.create({}, { user });

const refusedHandshake = () => statusOf(stage.connect({ action: "fly" }));

/** Kills a function while it runs, so many times. */
const crash = async (name: string, often: number): Promise<void> => {
  const enough = (crashes.get(name) ?? 0) + often;
  while ((crashes.get(name) ?? 0) < enough) {
    await stage.stack.kill(physical(name));
    await nextTurn();
  }
};

/** Lets no database request end, so that functions can be killed in the middle. */
const hold = (): (() => void) => inject({ match: {}, kind: "latency", ms: 3_600_000 });

/** Kills a function in the middle of requests until its crashes exceed the alarm's threshold of 10. */
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

/** Advances the time until a stream's function retries its failed batch. */
const retryAfter = async (name: string, ms: number): Promise<void> => {
  // The mapping begins its wait after it has seen the failure.
  await nextTurn();
  const again = once(invoked, name);
  advance(ms);
  await again;
};

/** A socket on which the gateway answers for a killed function. */
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

/** Kills a function on 11 frames, one after the other: the gateway's answers do not name their frames. */
const crashWhileAsking = async (name: string, frame: object): Promise<void> => {
  const { ask } = await answeredByGateway();
  const release = hold();
  for (let died = 0; died < 11; died += 1) await Promise.all([ask(frame), crash(name, 1)]);
  release();
};

/** Lets a stream's record fail three times, a minute apart. */
const holdUp = async (name: string, begin: () => Promise<unknown>): Promise<void> => {
  toFullMinute();
  const first = once(invoked, name);
  await begin();
  await first;
  await retryAfter(name, 61_000);
  await retryAfter(name, 61_000);
};

interface Scenario {
  /** Brings the alarm to ALARM. */
  readonly raise: () => Promise<unknown>;
  /** Brings it back to OK. Default: 46 minutes without events. */
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
      // They get their welcome after the last crash.
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
      // No version of Lectern writes such a row: to the handler, reading it is a bug.
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
      // No version of Lectern writes such a row.
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

test("every alarm of the infrastructure has a scenario, and every scenario an alarm", () => {
  const names = stage.stack.alarms().map(({ name }) => name.replace(/^lectern-(.+)-local$/, "$1"));
  expect(Object.keys(scenarios).sort()).toEqual(names.sort());
});

test("the stack can evaluate every alarm, and all are OK on a healthy system", async () => {
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
  "%s goes to ALARM and back to OK",
  async (name, { raise, mend = quiet }) => {
    expect(stateOf(name)).toBe("OK");
    await raise();
    // Pending work must end before the clock moves.
    await stage.stack.idle();
    expect(stateOf(name)).toBe("ALARM");
    expect(toldOf(name)[0]).toBe("ALARM");
    await mend();
    await stage.stack.idle();
    expect(stateOf(name)).toBe("OK");
    expect(toldOf(name)[0]).toBe("OK");
  },
);

test("errors-authorizer stays OK when tokens are refused, however many", async () => {
  const refused = await times(30, () =>
    statusOf(stage.connect({ action: "createSession", sourceLanguage: "en", token: "x.y.z" })),
  );
  expect(new Set(refused)).toEqual(new Set([401]));
  expect(stateOf("errors-authorizer")).toBe("OK");
});

test("throttles-dynamodb also watches the index, whose throttles are not in its table's metrics", async () => {
  const speaker = await staying(create("alice"));
  inject({
    match: { table: stage.stack.tables.Connections ?? "", operation: "Query" },
    kind: "throttle",
    times: 1,
  });
  await speaker.ask({ action: "getSessionStatus" }, "sessionStatus");
  expect(stateOf("throttles-dynamodb")).toBe("ALARM");
});
