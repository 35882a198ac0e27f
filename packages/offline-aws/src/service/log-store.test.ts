import { expect, test } from "vitest";
import { StackClock } from "../clock.js";
import { createLogStore } from "./logs.js";

test("a group keeps its last events, the oldest first", () => {
  const store = createLogStore({ groups: ["a"], clock: new StackClock(), keep: 3 });
  const kept = () => store.events("a")?.map(({ message }) => message);
  expect(kept()).toEqual([]);
  store.put("a", "1");
  store.put("a", "2");
  expect(kept()).toEqual(["1", "2"]);
  for (const message of ["3", "4", "5", "6", "7"]) store.put("a", message);
  expect(kept()).toEqual(["5", "6", "7"]);
});

test("event ids are 56 digits and grow, over all groups", () => {
  const store = createLogStore({ groups: ["a", "b"], clock: new StackClock() });
  for (let index = 0; index < 12; index += 1) store.put(index % 2 ? "a" : "b", String(index));
  const events = [...(store.events("a") ?? []), ...(store.events("b") ?? [])];
  const byMessage = events.toSorted((one, other) => Number(one.message) - Number(other.message));
  const ids = byMessage.map(({ eventId }) => eventId);
  expect(ids).toEqual(ids.toSorted());
  expect(new Set(ids).size).toBe(12);
  expect(ids.every((id) => /^\d{56}$/.test(id))).toBe(true);
});

test("writing to an undeclared group does not create it", () => {
  const store = createLogStore({ groups: [], clock: new StackClock() });
  store.put("a", "lost");
  expect(store.events("a")).toBeUndefined();
});
