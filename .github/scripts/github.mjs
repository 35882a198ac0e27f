// What the scripts beside this one have in common: GitHub's API, and the files that a step writes to.
import { appendFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";

/** A variable that the workflow gives. Empty counts as missing, as GitHub gives what is not there as nothing. */
export const variable = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`The variable ${name} is missing.`);
  return value;
};

const tries = 3;

/**
 * A call of the repository's API: `path` under /repos/<owner>/<name>. Overload, faults of GitHub's and lost connections
 * are tried again. `undefined` where there is no such thing and `mayLack` says that this is an answer.
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
    // A reference that is none answers 422.
    if (mayLack && (status === 404 || status === 422)) return undefined;
    if (attempt === tries || (status > 0 && status < 500 && status !== 429)) {
      throw status === 0
        ? new Error(`GitHub does not answer to ${method} ${path}.`, { cause: response.error })
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

/** Sets an output of the step; a value of several lines is taken as it is. */
export const output = (name, value) => {
  const end = `end-${crypto.randomUUID()}`;
  appendFileSync(variable("GITHUB_OUTPUT"), `${name}<<${end}\n${value}\n${end}\n`);
};

/** Adds to what the run's page shows. */
export const summarize = (markdown) => appendFileSync(variable("GITHUB_STEP_SUMMARY"), `${markdown}\n`);

/** Text as it is, whatever it holds: fenced by more backticks than it has in a row. */
export const verbatim = (text) => {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}text\n${text}\n${fence}`;
};

/** Runs a script; its error is one line of the log and a note on the run's page. */
export const main = async (script) => {
  try {
    await script();
  } catch (error) {
    console.log(`::error::${error.message}`);
    process.exitCode = 1;
  }
};
