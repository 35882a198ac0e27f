import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, describe, expect, test, vi } from "vitest";
import { runTool, temporaryFolder } from "../testing.js";
import { main } from "./main.js";

/** Runs a command line that ends before it starts anything, in this process. */
const runHere = async (args: readonly string[]) => {
  const stdout = vi.spyOn(console, "log").mockReturnValue();
  const stderr = vi.spyOn(console, "error").mockReturnValue();
  await main(args);
  const code = process.exitCode ?? 0;
  process.exitCode = undefined;
  return { code, stdout: stdout.mock.calls.join("\n"), stderr: stderr.mock.calls.join("\n") };
};

afterEach(() => void vi.restoreAllMocks());

describe("help", () => {
  test.each([[["--help"]], [["-h"]], [["help"]], [[]]])("of the tool is shown by %j", async (args) => {
    const { code, stdout, stderr } = await runHere(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("USAGE offline-aws start|token|synth|platform");
    for (const command of ["start", "token", "synth", "platform"])
      expect(stdout).toMatch(new RegExp(`^ +${command} {4}[A-Z].+\\.`, "m"));
  });

  test.each([
    ["start", ["--port=", "--stage=", "--engine=", "--logs=", "--json", "--quotas", "--set=<NAME=VALUE>"]],
    ["token", ["USER", "--stage=<STAGE>", "--id", "--expires-in=<SECONDS>"]],
    ["synth", ["--stage=<STAGE>", "--json", "--set=<NAME=VALUE>"]],
    ["platform", ["offline-aws platform"]],
  ])("of %s names every option", async (command, options) => {
    const { code, stdout, stderr } = await runHere([command, "--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(await runHere([command, "-h"])).toMatchObject({ code: 0 });
    for (const option of options) expect(stdout).toContain(option);
  });

  test("goes to standard output, with code 0", async () => {
    const { code, stdout, stderr } = await runTool(["synth", "--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^Show every resource .+\n\nUSAGE offline-aws synth \[OPTIONS\]/);
    expect(stdout).not.toContain(String.fromCharCode(27));
  });
});

describe("a command line that is not understood ends with one sentence and code 1", () => {
  test.each([
    [["deploy"], /^There is no command deploy\. offline-aws --help shows what there is\.$/],
    [["constructor"], /^There is no command constructor\. offline-aws --help shows what there is\.$/],
    [["synth", "--fast"], /^Unknown option '--fast'\. offline-aws synth --help shows what there is\.$/],
    [
      ["start", "--no-quotas"],
      /^Unknown option '--no-quotas'\. offline-aws start --help shows what there is\.$/,
    ],
    [["synth", "prod"], /^Unexpected argument prod\. offline-aws synth --help shows what there is\.$/],
    [["synth", "--set", "maxUsers"], /^--set takes NAME=VALUE, such as .+, not maxUsers\.$/],
    [["synth", "--set", "a=1", "--set", "b"], /^--set takes NAME=VALUE, such as .+, not b\.$/],
    [
      ["synth", "--stage"],
      /^Option '--stage <value>' argument missing\. offline-aws synth --help shows what there is\.$/,
    ],
    [
      ["synth", "--stage", "-x"],
      /^Option '--stage' has no value: write -x as --stage=-x\. offline-aws synth --help shows what there is\.$/,
    ],
    [
      ["synth", "--stage", ""],
      /^Option '--stage' is empty: give it a value, or leave it out\. offline-aws synth --help shows what there is\.$/,
    ],
    [["synth", "--stage", "../prod"], /^A stage's name begins with a letter, .+; \.\.\/prod does not\.$/],
    [["start", "--port", "web"], /^A port is a whole number from 0 to 65534; web is not\.$/],
    [["start", "--port", "65535"], /^A port is a whole number from 0 to 65534; 65535 is not\.$/],
    [["start", "--port", ""], /^Option '--port' is empty: give it a value, or leave it out\. /],
    [["start", "--port", "1e3"], /^A port is a whole number from 0 to 65534; 1e3 is not\.$/],
    [
      ["start", "--engine", "mysql"],
      /^Invalid value for argument: --engine \(mysql\)\. Expected one of: dynalite, dynamodb-local\.$/,
    ],
    [
      ["start", "--logs", "xml"],
      /^Invalid value for argument: --logs \(xml\)\. Expected one of: readable, json\.$/,
    ],
    [["token"], /^Name a user, for example: offline-aws token alice$/],
    [
      ["token", "alice", "--expires-in", ""],
      /^Option '--expires-in' is empty: give it a value, or leave it out\. /,
    ],
    [["token", "alice", "--expires-in", "soon"], /^--expires-in takes whole seconds\.$/],
  ])("%j", async (args, sentence) => {
    const { code, stdout, stderr } = await runHere(args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(sentence);
  });

  test("on standard error, without a stack trace", async () => {
    expect(await runTool(["synth", "--fast"])).toEqual({
      code: 1,
      stdout: "",
      stderr: "Unknown option '--fast'. offline-aws synth --help shows what there is.\n",
    });
  });

  test("outside of a project", async () => {
    const cwd = await temporaryFolder();
    const { code, stderr } = await runTool(["synth"], { cwd });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^There is no sst\.config\.ts in .+: run this in the project's folder\.\n$/);
  });

  test.each(["it's", "every*", "why?", "back\\slash"])("in a folder named %s", async (name) => {
    const cwd = path.join(await temporaryFolder(), name);
    await mkdir(cwd);
    const { code, stderr } = await runTool(["synth"], { cwd });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `SST cannot run in a folder whose path has one of ' * ? \\ in it. Move the project: ${cwd}\n`,
    });
  });

  test("before the packages are installed", async () => {
    const cwd = await temporaryFolder();
    await writeFile(path.join(cwd, "sst.config.ts"), "");
    const { code, stderr } = await runTool(["synth"], { cwd });
    expect({ code, stderr }).toEqual({ code: 1, stderr: "SST is not installed: run npm ci first.\n" });
  });
});

test.each([
  ["20.18.3", false],
  ["20.19.0", true],
])("Node %s is checked before anything of a newer one is used", async (version, isEnough) => {
  const preload = path.join(await temporaryFolder(), "preload.mjs");
  await writeFile(
    preload,
    `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } });`,
  );
  const { code, stderr } = await runTool(["--help"], {
    nodeArgs: ["--import", pathToFileURL(preload).href],
  });
  expect({ code, stderr }).toEqual(
    isEnough
      ? { code: 0, stderr: "" }
      : { code: 1, stderr: `Node ${version} is too old: Node 20.19 or later is needed.\n` },
  );
});
