import { expect, test } from "vitest";
import { flow, work } from "./testing.js";
import { flowNames, perEach, readUsage, sumOf } from "./usage.js";

test("flows add up figure by figure and function by function", () => {
  const one = flow({ messagesIn: 1, writeUnits: 2, functions: { a: work({ computingMs: 3 }) } });
  const other = flow({ messagesIn: 10, functions: { a: work({ calls: 1 }), b: work({ requests: 4 }) } });
  expect(
    sumOf([
      [one, 2],
      [other, 3],
    ]),
  ).toEqual(
    flow({
      messagesIn: 32,
      writeUnits: 4,
      functions: {
        a: work({ invocations: 5, computingMs: 6, calls: 3 }),
        b: work({ invocations: 3, requests: 12 }),
      },
    }),
  );
});

test("what each adds is the difference between none and all, in equal shares", () => {
  const without = flow({ writeUnits: 2, functions: { a: work({ invocations: 1, requests: 2 }) } });
  const withFive = flow({
    writeUnits: 17,
    messagesOut: 5,
    functions: { a: work({ invocations: 6, requests: 7 }) },
  });
  expect(perEach(without, withFive, 5)).toEqual(
    flow({ writeUnits: 3, messagesOut: 1, functions: { a: work({ invocations: 1, requests: 1 }) } }),
  );
});

test("times and bytes that scatter never make more of something take less", () => {
  const slow = flow({ functions: { a: work({ computingMs: 9, logBytes: 301, metricBytes: 10 }) } });
  const quick = flow({ functions: { a: work({ computingMs: 8, logBytes: 300, metricBytes: 15 }) } });
  expect(perEach(slow, quick, 5).functions.a).toEqual(
    work({ invocations: 0, computingMs: 0, logBytes: 0, metricBytes: 1 }),
  );
});

test("the committed usage has every flow, with a time for each function that ran", async () => {
  const usage = await readUsage();
  for (const name of flowNames) {
    const { functions } = usage.flows[name];
    expect(Object.keys(functions).length).toBeGreaterThan(0);
    for (const { invocations, computingMs } of Object.values(functions)) {
      if (invocations > 0) expect(computingMs).toBeGreaterThan(0);
    }
  }
});
