import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { environmentName, settingNames } from "@lectern/core/settings";
import type { Graph } from "offline-aws";
import { deploymentSchema } from "../../../../../infra/config.js";
import type { Command } from "../../terminal/given.js";
import type { Sources } from "../documents.js";
import { readSstFlags, type SstFlags } from "./sst.js";

/** What is so: the documents are held against it. */
export interface World {
  /** Every file of the project, from its folder. */
  readonly files: ReadonlySet<string>;
  readonly scripts: Readonly<Record<string, string>>;
  readonly commands: readonly Command[];
  /** What `npx` finds without a download. */
  readonly binaries: ReadonlySet<string>;
  /** In camel case. */
  readonly settings: ReadonlySet<string>;
  /** Every word of the program's own files, names with hyphens whole. */
  readonly words: ReadonlySet<string>;
  /** Physical names on `prod`, and what they are without the stage. */
  readonly names: ReadonlySet<string>;
  readonly sstFlags: SstFlags;
}

const settings = [...settingNames, ...Object.keys(deploymentSchema.entries)];

/** Reads it all: the project's files, and the help of the installed CLI of SST. */
export const readWorld = async ({ root, graph, commands, manifest }: Sources): Promise<World> => {
  const files = await filesIn(root);
  const [binaries, words, sstFlags] = await Promise.all([
    readdir(path.join(root, "node_modules/.bin")),
    wordsIn(root, files),
    readSstFlags(root),
  ]);
  return {
    files: new Set(files),
    scripts: manifest.scripts,
    commands,
    binaries: new Set(binaries),
    settings: new Set(settings),
    words,
    names: namesIn(graph),
    sstFlags,
  };
};

const skipped = new Set([".git", ".sst", "node_modules", "sst-env.d.ts"]);

const filesIn = async (root: string, folder = ""): Promise<string[]> => {
  const entries = await readdir(path.join(root, folder), { withFileTypes: true });
  const found = entries
    .filter(({ name }) => !skipped.has(name))
    .map(async (entry) => {
      const file = path.posix.join(folder, entry.name);
      return entry.isDirectory() ? filesIn(root, file) : [file];
    });
  return (await Promise.all(found)).flat();
};

/** A name with hyphens, or a word: `session-welcome`, `maxListenersPerSession`. */
const word = /[A-Za-z]\w*(?:-\w+)*/g;

const isProgram = (file: string): boolean =>
  /^(packages|infra|\.ci|\.github|docs\/example)\/|^[^/]+$/.test(file) &&
  /\.(ts|mjs|json|html|ya?ml)$/.test(file) &&
  !/\.test\.ts$|package-lock\.json$|^packages\/cli\/src\/documents\/check\//.test(file);

const wordsIn = async (root: string, files: readonly string[]): Promise<ReadonlySet<string>> => {
  const texts = await Promise.all(
    files.filter(isProgram).map((file) => readFile(path.join(root, file), "utf8")),
  );
  const whole = texts.flatMap((text) => text.match(word) ?? []);
  return new Set([...whole, ...whole.flatMap((name) => name.split("-")), ...settings.map(environmentName)]);
};

const namesIn = ({ resources }: Graph): ReadonlySet<string> => {
  const names = JSON.stringify(resources).match(word) ?? [];
  const hyphened = names.filter((name) => name.includes("-"));
  return new Set([...hyphened, ...hyphened.map((name) => name.replace(/-prod$/, ""))]);
};
