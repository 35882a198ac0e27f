import { test } from "vitest";
import { checkModel } from "./testing/model.js";

test("invariants 1 to 4 hold after any walk of joins, leaves, refreshes, losses, crashes and lost records, on long walks too", () =>
  checkModel(100, 24));
