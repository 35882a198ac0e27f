import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import * as v from "valibot";
import { beforeAll, expect, test } from "vitest";
import { run as runHere } from "../testing.js";

// The commands of the documents: that the scripts exist, that they take the options, that harmless ones run.

const root = path.resolve(import.meta.dirname, "../../../..");
const run = promisify(execFile);

const read = (file: string): Promise<string> => readFile(path.join(root, file), "utf8");

const manifest = v.parse(
  v.object({ scripts: v.record(v.string(), v.string()) }),
  JSON.parse(await read("package.json")),
);

const pages = (await run("git", ["ls-files", "*.md"], { cwd: root })).stdout.trim().split("\n");
const texts = await Promise.all(pages.map(read));

/** Each command line of the fenced `sh` blocks, continued lines joined. */
const lines = texts.flatMap((text) =>
  [...text.matchAll(/^( *)```sh\n([\s\S]+?)\n\1```$/gm)].flatMap(([, , block = ""]) =>
    block
      .replace(/\\\n\s*/g, "")
      .split(/\n| && |\$\(|\)"| \| /)
      .map((line) => line.trim()),
  ),
);

/** `npm run -s token -- alice` → `token`, `alice`; npm's own short names count as scripts. */
const scriptCall = /\bnpm (?:run (?:-s )?([\w:]+)|(start|test))\b(?: -- (.+))?/;

const calls = lines.flatMap((line) => {
  const [, script, short, args = ""] = line.match(scriptCall) ?? [];
  const name = script ?? short;
  return name === undefined ? [] : [{ name, args: args.split(/\s+/).filter((arg) => arg !== "") }];
});

/** The scripts that are one command of ours, with the options that the documents give each. */
const own = new Map(
  calls
    .filter(({ name }) => /^(lectern|offline-aws)[\w -]*$/.test(manifest.scripts[name] ?? ""))
    .map(({ name }): [string, string[]] => {
      const args = calls.filter((call) => call.name === name).flatMap((call) => call.args);
      return [name, args.filter((arg) => arg.startsWith("--")).map((arg) => arg.replace(/=.*/, ""))];
    }),
);

test("every script that a document names exists", () => {
  const named = texts.flatMap((text) => [...text.matchAll(new RegExp(scriptCall, "g"))]);
  const names = new Set(named.map(([, script, short]) => script ?? short ?? ""));
  expect(names.size).toBeGreaterThan(15);
  expect(own.size).toBeGreaterThan(10);
  expect([...names].filter((name) => !(name in manifest.scripts))).toEqual([]);
});

/** Runs a script's command without npm, and ours in this process: a process would take most of the time. */
const start = async (name: string, args: readonly string[]): Promise<string> => {
  const [tool = "", ...first] = (manifest.scripts[name] ?? "").split(" ");
  if (tool === "lectern") return (await runHere([...first, ...args])).stdout;
  const bin = path.join(root, "node_modules/.bin", tool);
  return (await run(bin, [...first, ...args], { cwd: root, maxBuffer: 2 ** 26 })).stdout;
};

/** These need no network and change nothing. */
const harmless = ["token", "synth", "cost"];

const outputs = new Map<string, string>();

beforeAll(async () => {
  for (const name of own.keys()) outputs.set(`${name} --help`, await start(name, ["--help"]));
  for (const name of harmless) {
    const { args = [] } = calls.find((call) => call.name === name) ?? {};
    outputs.set(name, await start(name, args));
  }
});

test.each([...own])("npm run %s takes the options that the documents give it", (name, options) => {
  const help = outputs.get(`${name} --help`) ?? "";
  expect(help).not.toBe("");
  expect(options.filter((option) => !new RegExp(`${option}\\b`).test(help))).toEqual([]);
});

test.each(harmless)("npm run %s runs as the documents have it", (name) => {
  expect(outputs.get(name)?.trim()).toMatch(/./);
});
