// Runs the npm scripts of the commit that is deployed, and shows what they print while they do.
import { spawn } from "node:child_process";
import { stripVTControlCharacters } from "node:util";

/** Whether the script passed, and what it printed, without colours. */
export const npmRun = (script, ...args) =>
  new Promise((resolve, reject) => {
    const child = spawn("npm", ["run", "-s", script, "--", ...args], { stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        text += chunk;
        process.stdout.write(chunk);
      });
    }
    child.on("error", reject);
    child.on("close", (code) => resolve({ passed: code === 0, text: stripVTControlCharacters(text).trim() }));
  });
