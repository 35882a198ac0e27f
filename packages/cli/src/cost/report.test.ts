import { expect, test } from "vitest";
import { parseLoad } from "./load.js";
import { asText, reportOf } from "./report.js";
import { usage } from "./usage.js";

const reportFor = (options: Readonly<Record<string, string>> = {}) =>
  reportOf({ load: parseLoad(options, usage.stage), usage, stage: usage.stage });

const asIs = (text: string) => text;
const reference = reportFor();

test("the reference load costs less than the original's 55 dollars, and is the sum of its items", () => {
  expect(reference.total).toBeLessThan(reference.original);
  const items = reference.services.flatMap((service) => service.items);
  expect(items.reduce((sum, { dollars }) => sum + dollars, 0)).toBeCloseTo(reference.total, 9);
});

test("the text shows the load, every item, the total, the original estimate, every saving and every note", () => {
  const text = asText(reference, { bold: asIs, dim: asIs, green: asIs, red: asIs });
  expect(text).toContain(
    "100 sessions a day on 30 days, 50 listeners each, 30 minutes, a heartbeat every 30 s",
  );
  for (const { what } of reference.services.flatMap(({ items }) => items)) expect(text).toContain(what);
  expect(text).toMatch(new RegExp(`total a month +${reference.total.toFixed(2).replace(".", "\\.")}\n`));
  expect(text).toMatch(/the original specification's estimate +55\.00\n/);
  for (const { change } of reference.savings) expect(text).toContain(change);
  for (const note of reference.notes) expect(text).toContain(note);
});

test("options change the load, and a note warns of a load that the stage's settings do not fit", () => {
  const { load, notes, total } = reportFor({ sessions: "20000", heartbeat: "120", updates: "6" });
  expect(load).toMatchObject({ sessions: 20_000, heartbeat: 120, updates: 6 });
  expect(total).toBeGreaterThan(reference.total);
  expect(notes).toEqual(
    expect.arrayContaining([
      "The original estimate of 55 dollars is for the default load.",
      "A heartbeat every 120 s needs about heartbeatTimeoutSeconds 360: the reaper closes a connection after 90 s.",
      "This load is 417 sessions at once on average; the stage's maxActiveSessions is 100.",
    ]),
  );
  expect(reference.notes.join(" ")).not.toMatch(/default load|reaper closes|at once on average/);
});
