import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../testing.js";
import { bundleOnce } from "./bundle-memory.js";

const definition = {
  name: "greet",
  arn: "",
  handler: "greet.handler",
  environment: {},
  timeoutSeconds: 1,
  memoryMb: 128,
};

const project = async () => {
  const root = await temporaryFolder();
  const write = (word: string) =>
    writeFile(path.join(root, "greet.ts"), `export const handler = () => "${word}";`);
  const bundle = async (folder: string) => {
    const outDir = path.join(root, "out", folder);
    await mkdir(outDir, { recursive: true });
    const bundles = await bundleOnce({ root, outDir, functions: [definition] });
    const file = bundles.get("greet")?.file ?? "";
    expect(path.relative(outDir, file)).not.toMatch(/^\.\./);
    return { outDir, text: await readFile(file, "utf8"), map: await readFile(`${file}.map`, "utf8") };
  };
  return { write, bundle };
};

test("an equal build is written again, also when the first folder is gone", async () => {
  const { write, bundle } = await project();
  await write("hello");
  const { outDir, ...first } = await bundle("one");
  await rm(outDir, { recursive: true });
  expect(await bundle("two")).toMatchObject(first);
});

test("a source file that has changed is bundled again", async () => {
  const { write, bundle } = await project();
  await write("hello");
  await bundle("one");
  await write("bye");
  expect((await bundle("two")).text).toContain("bye");
});
