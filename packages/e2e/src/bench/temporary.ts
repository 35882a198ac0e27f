import { mkdir, mkdtemp, rm } from "node:fs/promises";
import path from "node:path";
import type { Bench } from "./benchmark.js";

/** A folder inside the project, so that what lies in it finds the project's packages; gone at the end. */
export const temporaryFolder = async ({ root, scope }: Pick<Bench, "root" | "scope">): Promise<string> => {
  const parent = path.join(root, ".sst/offline");
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(path.join(parent, "bench-"));
  scope.defer(() => rm(folder, { recursive: true, force: true }));
  return folder;
};
