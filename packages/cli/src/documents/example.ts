import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import type { Sections } from "./section.js";
import { block } from "./text.js";

/** Where the examples lie that the client guide shows, beside the guide. */
export const exampleFolder = "docs/example";

/** The examples as the guide's sections, each under its path from there: `example/listener.mjs`. */
export const exampleSections = async (root: string): Promise<Sections> => {
  const names = (await readdir(path.join(root, exampleFolder))).sort();
  const sections = names.map(async (name): Promise<[string, string]> => {
    const text = await readFile(path.join(root, exampleFolder, name), "utf8");
    return [`example/${name}`, block(name.endsWith(".html") ? "html" : "js", text.trimEnd())];
  });
  return Object.fromEntries(await Promise.all(sections));
};
