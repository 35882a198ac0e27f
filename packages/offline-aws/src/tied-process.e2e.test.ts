import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { processOf } from "./process-id.js";
import { projectRoot, temporaryFolder } from "./testing.js";
import { notFoundCode, startTied } from "./tied-process.js";

const node = (code: string) => startTied(process.execPath, ["-e", code], { stdout: "pipe" });

const forEver = "setInterval(() => undefined, 1_000)";

test("it ends with the program's exit code", async () => {
  expect(await once(node("process.exit(7)").child, "close")).toEqual([7, null]);
});

test("a program that is not there ends with the shell's code for that", async () => {
  const { child } = startTied("no-such-program", [], { stdout: "ignore" });
  expect((await once(child, "close"))[0]).toBe(notFoundCode);
});

test("it can be ended, with all that it has started", async () => {
  const grandchild = `require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(forEver)}])`;
  const { child, end } = node(`console.log(${grandchild}.pid); ${forEver}`);
  if (!child.stdout) throw new Error("It has no output.");
  const [pid] = await once(createInterface(child.stdout), "line");
  expect(await processOf(Number(pid))).toBeDefined();
  end();
  await once(child, "close");
  await expect.poll(() => processOf(Number(pid))).toBeUndefined();
});

test("it ends with a parent that is killed and can do nothing about it", async () => {
  const script = path.join(await temporaryFolder(), "parent.ts");
  const module = JSON.stringify(path.join(import.meta.dirname, "tied-process.ts"));
  await writeFile(
    script,
    `import { startTied } from ${module};
     const { child } = startTied(process.execPath, ["-e", ${JSON.stringify(`console.log(process.pid); ${forEver}`)}], { stdout: "pipe" });
     child.stdout?.pipe(process.stdout);`,
  );
  const parent = spawn(process.execPath, ["--import", "tsx", script], {
    cwd: projectRoot,
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void parent.kill("SIGKILL"));
  const [pid] = await once(createInterface(parent.stdout), "line");
  expect(await processOf(Number(pid))).toBeDefined();
  parent.kill("SIGKILL");
  await expect.poll(() => processOf(Number(pid)), { timeout: 5_000 }).toBeUndefined();
});
