import { test } from "vitest";
import { useStage } from "./stage.js";
import { surge } from "./surge.js";

const stage = useStage();
const rounds = 10;

test(`rule 14: of 501 simultaneous listeners 500 get in and all can leave at once, ${rounds} times`, async () => {
  for (let round = 1; round <= rounds; round += 1) await surge(stage, 500, `speaker ${round}`);
}, 1_800_000);
