import { existsSync } from "node:fs";
import path from "node:path";
import { loadEnvFile } from "node:process";

/** Reads a file of variables as SST does: what is set already stays. */
export const loadVariables = (root: string, file: string): void => {
  const whole = path.join(root, file);
  if (existsSync(whole)) loadEnvFile(whole);
};
