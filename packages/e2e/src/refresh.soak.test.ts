import { test } from "vitest";
import { refreshAll, settings } from "./refreshing.js";
import { useStage } from "./stage.js";

const stage = useStage(settings);
const rounds = 100;

test(
  `rule 11: ${rounds} refreshes of a speaker and of 20 listeners in a row lose nobody and count right`,
  () => refreshAll(stage, 20, rounds),
  1_800_000,
);
