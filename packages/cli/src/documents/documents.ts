import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { PassThrough } from "node:stream";
import { promisify } from "node:util";
import type { Options } from "unified-engine";
import * as v from "valibot";
import { settingSections } from "./environment.js";
import { fillSections } from "./markdown.js";
import { deployerPolicies } from "./policy.js";
import { asyncApi } from "./wire/asyncapi.js";
import { protocolSections } from "./wire/protocol.js";

/** A document with the text that it must have. */
export interface GeneratedDocument {
  /** From the project's folder: `docs/protocol.md`. */
  readonly path: string;
  readonly text: string;
}

const manifestSchema = v.object({ version: v.string() });

/** Every document that is generated, wholly or in part. */
export const generate = async (root: string): Promise<GeneratedDocument[]> => {
  const manifest = v.parse(
    manifestSchema,
    JSON.parse(await readFile(path.join(root, "package.json"), "utf8")),
  );
  const inPart = async (file: string, sections: Readonly<Record<string, string>>) => ({
    path: file,
    text: fillSections(file, await readFile(path.join(root, file), "utf8"), sections),
  });
  const json = async (file: string, value: unknown) => ({
    path: file,
    text: await formatted(root, file, value),
  });
  return Promise.all([
    json("docs/asyncapi.json", asyncApi(manifest.version)),
    ...deployerPolicies().map((policy, index) => json(`docs/deployer-policy-${index + 1}.json`, policy)),
    inPart("docs/environment-variables.md", settingSections()),
    inPart("docs/protocol.md", protocolSections()),
  ]);
};

/**
 * Writes the documents that are stale; a check only names them.
 * @returns whether every document is up to date now
 */
export const update = async (
  root: string,
  documents: readonly GeneratedDocument[],
  { check, say }: { readonly check: boolean; readonly say: (line: string) => void },
): Promise<boolean> => {
  const texts = documents.map(({ path: file }) =>
    readFile(path.join(root, file), "utf8").catch(() => undefined),
  );
  const found = await Promise.all(texts);
  const stale = documents.filter(({ text }, index) => text !== found[index]);
  if (stale.length === 0) say("Every generated document is up to date.");
  for (const { path: file, text } of stale) {
    if (!check) await writeFile(path.join(root, file), text);
    say(check ? `${file} is stale: run npm run documents.` : `${file} written.`);
  }
  return stale.length === 0 || !check;
};

/**
 * Looks for links in the Markdown files to pages, files and headings that do not exist.
 * @returns the report on them; empty when every link leads somewhere
 */
export const brokenLinks = async (root: string): Promise<string> => {
  // Nothing else needs these, and they take half a second to load.
  const [{ engine }, { remark }, { default: validateLinks }] = await Promise.all([
    import("unified-engine"),
    import("remark"),
    import("remark-validate-links"),
  ]);
  const files = await markdownFiles(root);
  // The types of the plugin lack the file set, which the engine hands over.
  const plugins = [[validateLinks, { repository: false }]] as Options["plugins"];
  const report = new PassThrough();
  await promisify(engine)({
    processor: remark(),
    plugins,
    cwd: root,
    files,
    output: false,
    out: false,
    quiet: true,
    color: false,
    streamError: report,
  });
  return `${report.read() ?? ""}`.trim();
};

/** All that git does not ignore. */
const markdownFiles = async (root: string): Promise<string[]> => {
  const args = ["ls-files", "--cached", "--others", "--exclude-standard", "*.md"];
  const { stdout } = await promisify(execFile)("git", args, { cwd: root });
  return stdout.split("\n").filter((file) => file !== "" && existsSync(path.join(root, file)));
};

/** JSON as the project's formatter writes it: `npm run check` looks at every file. */
const formatted = (root: string, file: string, value: unknown): Promise<string> =>
  new Promise((resolve, reject) => {
    const biome = path.join(root, "node_modules/.bin/biome");
    const child = execFile(biome, ["format", `--stdin-file-path=${file}`], { cwd: root }, (error, stdout) =>
      error ? reject(error) : resolve(stdout),
    );
    child.stdin?.end(JSON.stringify(value));
  });
