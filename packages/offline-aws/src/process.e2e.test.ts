import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { notFoundCode, removeStale, startChild } from "./process.js";
import { projectRoot, stateOf, temporaryFolder } from "./testing.js";

const node = (code: string) => startChild(process.execPath, ["-e", code], { stdout: "pipe" });

const forEver = "setInterval(() => undefined, 1_000)";

test("it exits with the program's code", async () => {
  expect(await once(node("process.exit(7)").process, "close")).toEqual([7, null]);
});

test("a program that does not exist exits with the shell's code for that", async () => {
  const child = startChild("no-such-program", [], { stdout: "ignore" });
  expect((await once(child.process, "close"))[0]).toBe(notFoundCode);
});

test("ending it also kills what it has started", async () => {
  const grandchild = `require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(forEver)}])`;
  const { process: child, end } = node(`console.log(${grandchild}.pid); ${forEver}`);
  if (!child.stdout) throw new Error("It has no output.");
  const [pid] = await once(createInterface(child.stdout), "line");
  expect(await stateOf(Number(pid))).toBeDefined();
  end();
  await once(child, "close");
  await expect.poll(() => stateOf(Number(pid))).toBeUndefined();
});

test("it exits when its parent is killed by SIGKILL", async () => {
  const script = path.join(await temporaryFolder(), "parent.ts");
  const module = JSON.stringify(path.join(import.meta.dirname, "process.ts"));
  await writeFile(
    script,
    `import { startChild } from ${module};
     const { process: child } = startChild(process.execPath, ["-e", ${JSON.stringify(`console.log(process.pid); ${forEver}`)}], { stdout: "pipe" });
     child.stdout?.pipe(process.stdout);`,
  );
  const parent = spawn(process.execPath, ["--import", "tsx", script], {
    cwd: projectRoot,
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void parent.kill("SIGKILL"));
  const [pid] = await once(createInterface(parent.stdout), "line");
  expect(await stateOf(Number(pid))).toBeDefined();
  parent.kill("SIGKILL");
  await expect.poll(() => stateOf(Number(pid)), { timeout: 5_000 }).toBeUndefined();
});

test("stale entries are removed: those whose process does not run", async () => {
  const folder = await temporaryFolder();
  const own = `run-${process.pid}-1`;
  for (const name of [own, "run-4194305-1", "other"]) await writeFile(path.join(folder, name), "");
  await removeStale(folder, /^run-(\d+)-/);
  expect((await readdir(folder)).sort()).toEqual(["other", own]);
});
