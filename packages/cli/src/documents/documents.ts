import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { type Graph, localCommands, synth, UserError } from "offline-aws";
import * as v from "valibot";
import type { Command } from "../terminal/given.js";
import { commandsDocument } from "./commands.js";
import { environmentDocument } from "./environment.js";
import { exampleSections } from "./example.js";
import { deployerPolicies } from "./policy.js";
import { fillSections } from "./section.js";
import { asyncApi } from "./wire/asyncapi.js";
import { protocolSections } from "./wire/sections.js";

/** A document as it must be. */
export interface GeneratedDocument {
  /** From the project's folder: `docs/commands.md`. */
  readonly path: string;
  readonly text: string;
}

/** What the documents are made from. */
export interface Sources {
  readonly root: string;
  /** The infrastructure of `prod`. */
  readonly graph: Graph;
  readonly commands: readonly Command[];
  readonly manifest: v.InferOutput<typeof manifestSchema>;
}

const manifestSchema = v.object({ version: v.string(), scripts: v.record(v.string(), v.string()) });

/** Reads and evaluates everything that the documents are made from. */
export const readSources = async (root: string, say: (line: string) => void): Promise<Sources> => {
  // This command is one of them.
  const { listCommands } = await import("../main.js");
  const [graph, manifest] = await Promise.all([
    synth({ root, stage: "prod", say }),
    readFile(path.join(root, "package.json"), "utf8"),
  ]);
  return {
    root,
    graph,
    commands: [...localCommands, ...(await listCommands())],
    manifest: v.parse(manifestSchema, JSON.parse(manifest)),
  };
};

const notice = "<!-- Written by `npm run documents`: change what it is made from, not this. -->";

const whole = (text: string): string => `${notice}\n\n${text}\n`;

/** Every generated document, as it must be; of those that are written by hand in part, the whole. */
export const generate = async (sources: Sources): Promise<GeneratedDocument[]> => {
  const { root, graph, commands, manifest } = sources;
  const inPart = async (file: string, sections: Readonly<Record<string, string>>) => ({
    path: file,
    text: fillSections(file, await handwritten(root, file), sections),
  });
  const json = async (file: string, value: unknown) => ({
    path: file,
    text: await formatted(root, file, value),
  });
  return [
    await json("docs/asyncapi.json", asyncApi(manifest.version)),
    ...(await Promise.all(
      deployerPolicies().map((policy, index) => json(`docs/deployer-policy-${index + 1}.json`, policy)),
    )),
    { path: "docs/commands.md", text: whole(commandsDocument(commands, manifest.scripts)) },
    { path: "docs/environment-variables.md", text: whole(environmentDocument(graph)) },
    await inPart("docs/protocol.md", protocolSections()),
    await inPart("docs/client-guide.md", await exampleSections(root)),
  ];
};

const handwritten = (root: string, file: string): Promise<string> =>
  readFile(path.join(root, file), "utf8").catch(() => {
    throw new UserError(`${file} is missing: it is written by hand but for its tables, so take it from git.`);
  });

/** Those of them that are not as they must be. */
const stale = async (root: string, documents: readonly GeneratedDocument[]): Promise<GeneratedDocument[]> => {
  const states = documents.map(async (document) => {
    const there = await readFile(path.join(root, document.path), "utf8").catch(() => undefined);
    return there === document.text ? [] : [document];
  });
  return (await Promise.all(states)).flat();
};

/**
 * Writes those that are stale, or only names them when it is a check.
 * @returns whether every document is as it must be now
 */
export const update = async (
  root: string,
  documents: readonly GeneratedDocument[],
  { check, say }: { readonly check: boolean; readonly say: (line: string) => void },
): Promise<boolean> => {
  const outdated = await stale(root, documents);
  if (outdated.length === 0) say("Every generated document is up to date.");
  for (const { path: file, text } of outdated) {
    if (!check) await writeFile(path.join(root, file), text);
    say(check ? `${file} is stale: npm run documents writes it anew.` : `${file} written.`);
  }
  return outdated.length === 0 || !check;
};

/** JSON as the project's formatter wants it, which looks at every file. */
const formatted = (root: string, file: string, value: unknown): Promise<string> =>
  new Promise((resolve, reject) => {
    const biome = path.join(root, "node_modules/.bin/biome");
    const child = execFile(biome, ["format", `--stdin-file-path=${file}`], { cwd: root }, (error, stdout) =>
      error ? reject(error) : resolve(stdout),
    );
    child.stdin?.end(JSON.stringify(value));
  });
