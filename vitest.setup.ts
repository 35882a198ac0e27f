import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestProject } from "vitest/node";
import { ensurePlatform } from "./packages/offline-aws/src/synth/platform.js";

declare module "vitest" {
  export interface ProvidedContext {
    /** A folder of this run, for infrastructure that one test file evaluates and others use. */
    readonly graphs: string;
  }
}

/** Fetches SST's platform once, before the first test would; test files run side by side. */
export const setup = async (project: TestProject) => {
  await ensurePlatform(import.meta.dirname, (line) => console.error(line));
  const graphs = await mkdtemp(path.join(tmpdir(), "lectern-graphs-"));
  project.provide("graphs", graphs);
  return () => rm(graphs, { recursive: true, force: true });
};
