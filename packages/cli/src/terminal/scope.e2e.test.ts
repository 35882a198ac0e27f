import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";

/** A command that prints when it starts and when it is closed, and would otherwise run for ten minutes. */
const startCommand = async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "lectern-scope-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const script = path.join(folder, "command.mts");
  await writeFile(
    script,
    `import { scoped } from ${JSON.stringify(path.join(import.meta.dirname, "scope.ts"))};
     await scoped(async ({ defer, unlessInterrupted }) => {
       defer(() => process.stderr.write("closed\\n"));
       process.on("SIGUSR2", () => console.log("another line"));
       console.log("works");
       await unlessInterrupted(new Promise((resolve) => setTimeout(resolve, 600_000)));
     });`,
  );
  const child = spawn(process.execPath, ["--import", "tsx", script], {
    cwd: path.resolve(import.meta.dirname, "../../../.."),
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let stderr = "";
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  await once(createInterface(child.stdout), "line");
  return { child, stderr: () => stderr };
};

test("a terminal that closes ends a command as Ctrl-C does, also when SIGHUP comes twice", async () => {
  const { child, stderr } = await startCommand();
  child.kill("SIGHUP");
  child.kill("SIGHUP");
  expect(await once(child, "close")).toEqual([130, null]);
  expect(stderr()).toMatch(/^Interrupted: [^\n]+\nclosed\n$/);
});

test("an output that nobody reads any more ends a command as Ctrl-C does", async () => {
  const { child, stderr } = await startCommand();
  child.stdout.destroy();
  child.kill("SIGUSR2");
  expect(await once(child, "close")).toEqual([130, null]);
  expect(stderr()).toMatch(/^Interrupted: [^\n]+\nclosed\n$/);
});
