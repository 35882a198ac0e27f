// Shared by the scripts of the workflows' steps: GitHub's API, the step's outputs, and npm scripts.
import { spawn } from "node:child_process";
import { appendFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";

/** A variable that the workflow sets. GitHub sets a missing value as empty text, so empty counts as missing. */
export const variable = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`The variable ${name} is missing.`);
  return value;
};

const tries = 3;

/**
 * Calls the repository's API: `path` is under /repos/<owner>/<name>. Retries on overload, server errors and lost
 * connections. With `mayLack`, returns `undefined` for something that does not exist, instead of failing.
 */
export const call = async (path, { method = "GET", body, mayLack = false } = {}) => {
  const url = `${variable("GITHUB_API_URL")}/repos/${variable("GITHUB_REPOSITORY")}/${path}`;
  const headers = {
    Accept: "application/vnd.github+json",
    Authorization: `Bearer ${variable("GITHUB_TOKEN")}`,
    "X-GitHub-Api-Version": "2022-11-28",
  };
  for (let attempt = 1; ; attempt += 1) {
    const request = { method, headers, body: body && JSON.stringify(body) };
    const response = await fetch(url, request).catch((error) => ({ ok: false, status: 0, error }));
    if (response.ok) return response.json();
    const { status } = response;
    // GitHub answers 422 for a reference that does not exist.
    if (mayLack && (status === 404 || status === 422)) return undefined;
    if (attempt === tries || (status > 0 && status < 500 && status !== 429)) {
      throw status === 0
        ? new Error(`GitHub does not answer ${method} ${path}.`, { cause: response.error })
        : new Error(`GitHub answered ${status} to ${method} ${path}.`);
    }
    await setTimeout(attempt * Number(process.env.PAUSE_MS ?? 2_000));
  }
};

/** Every item of a list, page by page. */
export async function* pages(path) {
  const size = 100;
  for (let page = 1; ; page += 1) {
    const items = await call(`${path}${path.includes("?") ? "&" : "?"}per_page=${size}&page=${page}`);
    yield* items;
    if (items.length < size) return;
  }
}

/** Sets an output of the step. The value may have several lines. */
export const output = (name, value) => {
  const end = `end-${crypto.randomUUID()}`;
  appendFileSync(variable("GITHUB_OUTPUT"), `${name}<<${end}\n${value}\n${end}\n`);
};

/** Adds Markdown to the page of the run. */
export const summarize = (markdown) => appendFileSync(variable("GITHUB_STEP_SUMMARY"), `${markdown}\n`);

/** Fences text by more backticks than it contains in a row, so that nothing in it is Markdown. */
export const verbatim = (text) => {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}text\n${text}\n${fence}`;
};

/** Runs an npm script of the deployed commit, and shows its output. Returns the output without colours. */
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

/** Runs a step's script. An error becomes one line of the log and a note on the page of the run. */
export const main = async (script) => {
  try {
    await script();
  } catch (error) {
    console.log(`::error::${error.message}`);
    process.exitCode = 1;
  }
};
