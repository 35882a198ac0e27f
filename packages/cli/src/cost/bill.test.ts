import { expect, test } from "vitest";
import { type Bill, billOf } from "./bill.js";
import { type Load, referenceLoad } from "./load.js";
import { type Circumstances, refreshesIn } from "./month.js";
import { flow, flows, work } from "./testing.js";
import { type Usage, usage } from "./usage.js";

/** The committed usage under the reference load, with some parts changed. */
const circumstances = ({
  load,
  ...changed
}: Partial<Omit<Circumstances, "load">> & { load?: Partial<Load> } = {}): Circumstances => ({
  usage,
  stage: usage.stage,
  load: { ...referenceLoad(usage.stage), ...load },
  ...changed,
});

const bill = (...changed: Parameters<typeof circumstances>): Bill => billOf(circumstances(...changed));

const item = ({ services }: Bill, service: string, what: string, unit = "") => {
  const found = services
    .find((candidate) => candidate.service === service)
    ?.items.find((candidate) => candidate.what === what && candidate.unit.includes(unit));
  if (!found) throw new Error(`There is no ${what} of ${service}`);
  return found;
};

const bare = (some: Partial<Usage["flows"]>): Pick<Usage, "flows" | "rows" | "series"> => ({
  flows: flows(some),
  rows: { session: 0, connection: 0, rateLimits: 0 },
  series: [],
});

test("the reference load costs less than the 55 dollars of the original specification", () => {
  const { total } = bill();
  expect(total).toBeGreaterThan(20);
  expect(total).toBeLessThan(55);
});

test("the total is the sum of the services, each of them the sum of its items, each item quantity times price", () => {
  const { services, total } = bill({ load: { updates: 60, minutes: 200, speakers: 20_000 } });
  expect(services.reduce((sum, { dollars }) => sum + dollars, 0)).toBeCloseTo(total, 9);
  for (const { items, dollars } of services) {
    expect(items.reduce((sum, one) => sum + one.dollars, 0)).toBeCloseTo(dollars, 9);
    for (const { quantity, price, dollars: product } of items) {
      expect(quantity * price).toBeCloseTo(product, 9);
    }
  }
});

test("a heartbeat counts once for each participant and interval", () => {
  const beat = flow({
    messagesIn: 1,
    messagesOut: 1,
    writeUnits: 1,
    functions: {
      "heartbeat-handler": work({ requests: 1, logBytes: 300, metricBytes: 200, computingMs: 2 }),
    },
  });
  const made = bill({ usage: bare({ heartbeat: beat }), load: { logSampling: 0.1 } });
  // 100 sessions on 30 days, each with 51 connections that beat 60 times: 9.18 million.
  expect(item(made, "API Gateway", "frames from clients").dollars).toBeCloseTo(9.18, 9);
  expect(item(made, "API Gateway", "frames to clients").dollars).toBeCloseTo(9.18, 9);
  // 153,000 connections of 30 minutes at a quarter of a dollar for a million.
  expect(item(made, "API Gateway", "connections").dollars).toBeCloseTo(1.1475, 9);
  expect(item(made, "Lambda", "heartbeats", "requests").dollars).toBeCloseTo(9.18 * 0.2, 9);
  expect(item(made, "DynamoDB", "heartbeats").dollars).toBeCloseTo(9.18 * 0.625, 9);
  // 2 ms on a whole CPU of 1,769 MB are 27.64 ms on 128 MB; 5 ms for the one request.
  const gbSeconds = (9_180_000 * (2 * (1_769 / 128) + 5) * 0.125) / 1_000;
  expect(item(made, "Lambda", "heartbeats", "GB-second").quantity).toBeCloseTo(gbSeconds, 6);
  expect(item(made, "Lambda", "heartbeats", "GB-second").dollars).toBeCloseTo(gbSeconds * 0.0000133334, 9);
  // One in a hundred starts cold, for half a second.
  expect(item(made, "Lambda", "cold starts").quantity).toBeCloseTo(91_800 * 0.5 * 0.125, 6);
  // A tenth of the lines.
  expect(item(made, "CloudWatch", "functions' log lines").quantity).toBeCloseTo(0.2754, 9);
  expect(item(made, "CloudWatch", "functions' metric lines").quantity).toBeCloseTo(0.1836, 9);
});

test("flows that begin and end a session count once for each session or listener", () => {
  const made = bill({
    usage: bare({
      create: flow({ handshakes: 1, writeUnits: 3 }),
      join: flow({ handshakes: 1, writeUnits: 5, messagesOut: 1 }),
      "session ends": flow({ writeUnits: 2, readUnits: 1.5 }),
      "session ends, per listener": flow({ writeUnits: 3, otherCalls: 1, messagesOut: 1 }),
      "listener leaves": flow({ writeUnits: 100 }),
    }),
  });
  // 3,000 × (3 + 2) + 150,000 × (5 + 3)
  expect(item(made, "DynamoDB", "sessions and connections", "write").quantity).toBeCloseTo(1.215, 9);
  expect(item(made, "DynamoDB", "sessions and connections", "read").quantity).toBeCloseTo(0.0045, 9);
  expect(item(made, "API Gateway", "frames to clients").quantity).toBeCloseTo(0.3, 9);
  // 153,000 handshakes and 150,000 closes
  expect(item(made, "API Gateway", "handshakes and closes, if they are metered").quantity).toBeCloseTo(
    0.303,
    9,
  );
});

test("a listener who leaves before the end costs the leaving, and not its part of the session's end", () => {
  const some = {
    "listener leaves": flow({ writeUnits: 1 }),
    "session ends, per listener": flow({ writeUnits: 10 }),
  };
  const made = bill({ usage: bare(some), load: { leaving: 0.25 } });
  // 150,000 × (0.25 × 1 + 0.75 × 10)
  expect(item(made, "DynamoDB", "sessions and connections", "write").quantity).toBeCloseTo(1.1625, 9);
  // As measured, staying costs more than leaving: the default is the dearer case.
  expect(bill({ load: { leaving: 1 } }).total).toBeLessThan(bill().total);
});

test("a connection refreshes at 90 minutes, again 90 minutes later, and not at its end", () => {
  const refreshes = (minutes: number) => refreshesIn(minutes, usage.stage);
  expect([30, 90, 90.1, 180, 181, 271, 1_440].map(refreshes)).toEqual([0, 0, 1, 1, 2, 3, 15]);
});

test("a long session has its refreshes, each after one heartbeat that asks for it", () => {
  const made = bill({
    load: { sessions: 1, days: 1, listeners: 10, minutes: 120, heartbeat: 60 },
    usage: bare({
      heartbeat: flow({ messagesIn: 1 }),
      "heartbeat past the refresh moment": flow({ messagesIn: 1, messagesOut: 2 }),
      "speaker refreshes": flow({ writeUnits: 1_000 }),
      "listener refreshes": flow({ writeUnits: 10_000 }),
    }),
  });
  expect(item(made, "API Gateway", "frames from clients").quantity * 1e6).toBeCloseTo(11 * 120, 6);
  expect(item(made, "API Gateway", "frames to clients").quantity * 1e6).toBeCloseTo(11 * 2, 6);
  expect(item(made, "DynamoDB", "sessions and connections", "write").quantity * 1e6).toBeCloseTo(101_000, 6);
});

test("refreshes make a session dearer than its minutes alone", () => {
  const perMinute = (minutes: number) =>
    (bill({ load: { minutes } }).total - bill({ load: { sessions: 0 } }).total) / minutes;
  expect(perMinute(91)).toBeGreaterThan(perMinute(90));
});

test("the reaper runs every minute of the month, even without sessions", () => {
  const reaper = { "reaper run": flow({ readUnits: 2, functions: { reaper: work({ requests: 2 }) } }) };
  const idle = bill({ usage: bare(reaper), load: { sessions: 0 } });
  expect(item(idle, "Lambda", "all other invocations", "requests").quantity).toBeCloseTo(0.0432, 9);
  expect(item(idle, "DynamoDB", "the reaper").quantity).toBeCloseTo(0.0864, 9);
  expect(item(idle, "Lambda", "all other invocations", "GB-second").quantity).toBeCloseTo(
    (43_200 * 2 * 5 * (1_769 / 1_024)) / 1_000,
    6,
  );
});

test("the reaper's scans read the average number of rows", () => {
  const made = bill({
    usage: { ...bare({}), rows: { session: 4_096, connection: 4_096, rateLimits: 0 } },
    load: { listeners: 0 },
  });
  // 90,000 minutes of connection, one row each; 100 sessions a day whose rows are there for 50.5 hours.
  const units = 90_000 + 43_200 * (100 / 24) * 50.5;
  expect(item(made, "DynamoDB", "the reaper").quantity * 1e6).toBeCloseTo(units, 3);
});

test("tables hold sessions, connections twice for the index, and limits", () => {
  const stored = (rows: Partial<Usage["rows"]>) => {
    const made = bill({
      usage: { ...bare({}), rows: { session: 0, connection: 0, rateLimits: 0, ...rows } },
      load: { sessions: 24, listeners: 9, minutes: 60 },
    });
    expect(item(made, "DynamoDB", "point-in-time recovery").quantity).toBe(
      item(made, "DynamoDB", "tables and index").quantity,
    );
    return item(made, "DynamoDB", "tables and index").quantity * 1e9;
  };
  // One session an hour, of ten connections.
  expect(stored({ session: 100 })).toBeCloseTo(100 * (1 + 2 + 48), 6);
  expect(stored({ connection: 100 })).toBeCloseTo(100 * 10 * 2, 6);
  expect(stored({ rateLimits: 100 })).toBeCloseTo(100 * 10 * (1 + 1 + 48), 6);
});

test("without point-in-time recovery the bill has no line for it", () => {
  const { services } = bill({ stage: { ...usage.stage, backups: false } });
  const whats = services.flatMap(({ items }) => items.map(({ what }) => what));
  expect(whats).not.toContain("point-in-time recovery");
});

test("the access log has a line for each handshake, frame and close", () => {
  const made = bill({
    usage: bare({
      join: flow({ handshakes: 1 }),
      heartbeat: flow({ messagesIn: 1 }),
      "session ends, per listener": flow({ functions: { "disconnect-handler": work() } }),
    }),
    stage: { ...usage.stage, accessLog: { connect: 1_000, message: 10, disconnect: 100 } },
  });
  const bytes = 150_000 * 1_000 + 9_180_000 * 10 + 150_000 * 100;
  expect(item(made, "CloudWatch", "access log").quantity * 1e9).toBeCloseTo(bytes, 3);
  // Kept for a day, and three more until they are gone.
  expect(item(made, "CloudWatch", "logs kept").quantity * 1e9).toBeCloseTo((bytes / 30) * 4, 3);
});

test("a stage with log level WARN writes metrics, but no lines of requests that succeed", () => {
  const quiet = { ...usage.stage, settings: { ...usage.stage.settings, logLevel: "WARN" } };
  expect(item(bill({ stage: quiet }), "CloudWatch", "functions' log lines").quantity).toBe(0);
  expect(item(bill({ stage: quiet }), "CloudWatch", "functions' metric lines")).toEqual(
    item(bill(), "CloudWatch", "functions' metric lines"),
  );
});

test("metrics, alarms and dashboards cost the same for every load", () => {
  const made = bill({
    stage: { ...usage.stage, alarms: { one: 1, several: 9 }, dashboards: 2 },
    usage: { ...bare({}), series: ["A", "B"] },
    load: { sessions: 0 },
  });
  expect(item(made, "CloudWatch", "metrics of a month without refusals").dollars).toBeCloseTo(0.6, 9);
  expect(item(made, "CloudWatch", "metrics of refusals and faults").dollars).toBeCloseTo(3, 9);
  expect(item(made, "CloudWatch", "metrics in alarms").dollars).toBeCloseTo(1, 9);
  expect(item(made, "CloudWatch", "dashboards").dollars).toBe(6);
});

test("broadcast frames go to every listener, but not to the speaker", () => {
  const made = bill({ usage: bare({}), load: { updates: 60 } });
  // 150,000 listeners, 30 minutes, 60 a minute: 270 million of 1,100 bytes.
  expect(item(made, "API Gateway", "broadcast frames").dollars).toBeCloseTo(270, 9);
  expect(item(made, "Others", "data to clients").quantity).toBeCloseTo(297, 9);
});

test("more than a billion messages meet the second tier", () => {
  const made = bill({ usage: bare({}), load: { updates: 600 } });
  // 2,700 million
  expect(item(made, "API Gateway", "broadcast frames").dollars).toBeCloseTo(1_000 + 1_700 * 0.8, 6);
});

test("the data to clients is the frames' text and the overhead of frames and handshakes", () => {
  const made = bill({
    usage: bare({
      join: flow({ handshakes: 1 }),
      heartbeat: flow({ messagesOut: 1, bytesOut: 50 }),
    }),
  });
  expect(item(made, "Others", "data to clients").quantity * 1e9).toBeCloseTo(
    9_180_000 * 150 + 150_000 * 6_000,
    3,
  );
});

test("a month has thirty days, or as many as have sessions", () => {
  const runs = (days: number) =>
    item(bill({ load: { days } }), "Others", "EventBridge: the reaper's schedule").quantity * 1e6;
  expect([0, 20, 30, 31].map(runs)).toEqual([43_200, 43_200, 43_200, 44_640]);
  const frames = (days: number) =>
    item(bill({ load: { days } }), "API Gateway", "frames from clients").quantity;
  expect(frames(10)).toBeCloseTo(frames(30) / 3, 9);
});

test("users beyond the first 10,000 are paid for", () => {
  expect(item(bill({ load: { speakers: 100 } }), "Cognito", "active users").dollars).toBe(0);
  expect(item(bill({ load: { speakers: 11_000 } }), "Cognito", "active users").dollars).toBeCloseTo(15, 9);
});

test("a function that the stage does not have is an error, not free", () => {
  const strange = bare({ heartbeat: flow({ functions: { unknown: work() } }) });
  expect(() => bill({ usage: strange })).toThrow("Stage prod has no function unknown");
});
