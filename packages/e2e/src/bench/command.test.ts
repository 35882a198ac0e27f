import { parseCommandLine } from "@lectern/cli/given";
import { UserError } from "offline-aws";
import { expect, test } from "vitest";
import { bench } from "./command.js";

test("flows are played once: rounds of them are refused, not ignored", async () => {
  const given = parseCommandLine(bench, ["flows", "--rounds", "3"], "/nowhere");
  await expect(bench.run(given)).rejects.toThrow(
    new UserError("flows plays each flow once: it takes no --rounds."),
  );
});
