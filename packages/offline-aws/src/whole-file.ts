import { randomUUID } from "node:crypto";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";

/**
 * Makes a file with all of its content at once; false when there is one already. Of several processes that make it at the
 * same time one does, and nobody ever reads half of it.
 */
export const createWhole = async (file: string, content: string, mode = 0o666): Promise<boolean> => {
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, content, { mode });
  try {
    return await linked(draft, file);
  } finally {
    await rm(draft, { force: true });
  }
};

/** Puts a file in the place of the one that is there. */
export const replaceWhole = async (file: string, content: string): Promise<void> => {
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, content);
  await rename(draft, file);
};

/** Takes a file away that holds `content`; one that somebody has put in its place meanwhile stays. */
export const removeIfStill = async (file: string, content: string): Promise<void> => {
  const aside = `${file}.${randomUUID()}`;
  try {
    await rename(file, aside);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return;
    throw error;
  }
  if ((await readFile(aside, "utf8")) !== content) await linked(aside, file);
  await rm(aside, { force: true });
};

const linked = async (from: string, to: string): Promise<boolean> => {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  }
};

/** Whether an error is the system's of this code: `ENOENT`. */
export const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && "code" in error && error.code === code;
