import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { confirm } from "./confirm.js";

const question = "Stage alice is removed with its data.";

const terminal = (isTTY: boolean) => ({
  input: Object.assign(new PassThrough(), { isTTY }),
  output: Object.assign(new PassThrough(), { isTTY }),
});

test("the stage's name lets the command go on, and is asked for in the question", async () => {
  const { input, output } = terminal(true);
  input.write(" alice \n");
  await confirm(question, "alice", { input, output });
  expect(String(output.read())).toContain(`${question} Type alice to go on: `);
});

test.each(["y\n", "\n", "Alice\n"])("%j ends it", async (answer) => {
  const { input, output } = terminal(true);
  input.write(answer);
  await expect(confirm(question, "alice", { input, output })).rejects.toThrow("Nothing was done.");
});

test("Ctrl-D, which closes the terminal, ends it", async () => {
  const { input, output } = terminal(true);
  input.end();
  await expect(confirm(question, "alice", { input, output })).rejects.toThrow("Nothing was done.");
});

test("a script gets a sentence that names the option", async () => {
  await expect(confirm(question, "alice", terminal(false))).rejects.toThrow(
    `${question} Add --yes if you mean it, or run the command on a terminal.`,
  );
});
