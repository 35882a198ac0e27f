import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { takeLock } from "./lock.js";
import { processOf } from "./process-id.js";
import { temporaryFolder } from "./testing.js";

const alone = { onWait: () => expect.unreachable("nobody lives who holds it"), signal: undefined };

const lockFile = async () => path.join(await temporaryFolder(), "lock");

/** A process that leads a group of its own. */
const startGroup = (): ChildProcess => {
  const child = spawn(process.execPath, ["-e", "setInterval(() => undefined, 1_000)"], {
    stdio: "ignore",
    detached: true,
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
};

const dead = { pid: 4_194_305, started: "1" };

test("of many who want it at once, one after the other has it", async () => {
  const file = await lockFile();
  let [holders, most] = [0, 0];
  const waiting: number[] = [];
  await Promise.all(
    Array.from({ length: 5 }, async (_, index) => {
      const lock = await takeLock(file, { onWait: () => waiting.push(index), signal: undefined });
      holders += 1;
      most = Math.max(most, holders);
      await new Promise((resolve) => setImmediate(resolve));
      holders -= 1;
      await lock.release();
    }),
  );
  expect(most).toBe(1);
  expect(new Set(waiting).size).toBe(4);
  expect(await readdir(path.dirname(file))).toEqual([]);
});

test.each([
  ["a process that has ended", JSON.stringify(dead)],
  ["a process whose number another has now", JSON.stringify({ pid: process.pid, started: "long ago" })],
  ["nobody who can be read", ""],
])("a lock of %s is taken over", async (_, content) => {
  const file = await lockFile();
  await writeFile(file, content);
  const lock = await takeLock(file, alone);
  expect(JSON.parse(await readFile(file, "utf8"))).toEqual(await processOf(process.pid));
  await lock.release();
});

test("whoever takes over from a dead holder ends the group that worked for it", async () => {
  const file = await lockFile();
  const child = startGroup();
  const exited = once(child, "exit");
  await writeFile(file, JSON.stringify({ ...dead, group: await processOf(child.pid ?? 0) }));
  await takeLock(file, alone);
  expect(await exited).toEqual([null, "SIGKILL"]);
});

test("but not a group of others that has the number now", async () => {
  const file = await lockFile();
  const child = startGroup();
  await writeFile(file, JSON.stringify({ ...dead, group: { pid: child.pid, started: "long ago" } }));
  await takeLock(file, alone);
  expect(child.exitCode).toBeNull();
  expect(await processOf(child.pid ?? 0)).toBeDefined();
});

test("waiting can be given up", async () => {
  const file = await lockFile();
  await takeLock(file, alone);
  const giving = new AbortController();
  const waiting = takeLock(file, { onWait: () => giving.abort(), signal: giving.signal });
  await expect(waiting).rejects.toThrow("abort");
});
