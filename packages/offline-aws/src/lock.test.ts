import { mkdir, readdir, utimes } from "node:fs/promises";
import path from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { withLock } from "./lock.js";
import { temporaryFolder } from "./testing.js";

const lockFile = async () => path.join(await temporaryFolder(), "lock");

test("of five that want the lock at once, one after the other has it, and nothing is left behind", async () => {
  const file = await lockFile();
  let [holders, most, done] = [0, 0, 0];
  const waiting = new Set<number>();
  await Promise.all(
    Array.from({ length: 5 }, (_, index) =>
      withLock(file, { onWait: () => waiting.add(index) }, async () => {
        holders += 1;
        most = Math.max(most, holders);
        await turn();
        holders -= 1;
        done += 1;
      }),
    ),
  );
  expect({ most, done, waiting: waiting.size }).toEqual({ most: 1, done: 5, waiting: 4 });
  expect(await readdir(path.dirname(file))).toEqual([]);
});

test("the lock of a process that was killed is taken over", async () => {
  const file = await lockFile();
  await mkdir(file);
  const lastRefresh = Date.now() / 1_000 - 11;
  await utimes(file, lastRefresh, lastRefresh);
  const onWait = () => expect.unreachable("the holder is dead");
  expect(await withLock(file, { onWait }, async () => "taken")).toBe("taken");
});

test("the lock is released when the work fails", async () => {
  const file = await lockFile();
  const failing = withLock(file, {}, () => Promise.reject(new Error("no")));
  await expect(failing).rejects.toThrow("no");
  expect(await withLock(file, {}, async () => "taken")).toBe("taken");
});

test("waiting can be aborted", async () => {
  const file = await lockFile();
  const aborting = new AbortController();
  await withLock(file, {}, async () => {
    const waiting = withLock(
      file,
      { onWait: () => aborting.abort(), signal: aborting.signal },
      async () => "taken",
    );
    await expect(waiting).rejects.toThrow("abort");
  });
});
