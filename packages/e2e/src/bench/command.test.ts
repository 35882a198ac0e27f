import { perform } from "@lectern/cli/command";
import { UserError } from "offline-aws";
import { expect, test } from "vitest";
import { bench } from "./command.js";

test("flows are played once: rounds of them are refused, not ignored", async () => {
  await expect(perform(bench, ["flows", "--rounds", "3"])).rejects.toThrow(
    new UserError("flows plays each flow once: it takes no --rounds."),
  );
});
