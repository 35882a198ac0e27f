import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { limits } from "@lectern/protocol";
import { transform } from "esbuild";
import { describe, expect, onTestFinished, test } from "vitest";
import { settingsFor } from "../../../../infra/settings.js";
import { brokenLinks, generate, update } from "./documents.js";

const root = path.resolve(import.meta.dirname, "../../../..");

const read = (file: string): Promise<string> => readFile(path.join(root, file), "utf8");

const tracked = async (...patterns: string[]): Promise<string[]> => {
  const { stdout } = await promisify(execFile)("git", ["ls-files", ...patterns], { cwd: root });
  return stdout.trim().split("\n");
};

describe("the generated documents", () => {
  test("are as `npm run documents` writes them", async () => {
    const said: string[] = [];
    await update(root, await generate(root), { check: true, say: (line) => said.push(line) });
    expect(said).toEqual(["Every generated document is up to date."]);
  });

  test("are written where they are stale or missing; a check only says so", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "lectern-documents-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const documents = ["fresh.md", "old.md", "none.md"].map((file) => ({
      path: file,
      text: `${file}, as it must be`,
    }));
    await writeFile(path.join(folder, "fresh.md"), "fresh.md, as it must be");
    await writeFile(path.join(folder, "old.md"), "old");
    const said: string[] = [];
    const say = (line: string) => said.push(line);

    expect(await update(folder, documents, { check: true, say })).toBe(false);
    expect(said.splice(0)).toEqual([
      "old.md is stale: run npm run documents.",
      "none.md is stale: run npm run documents.",
    ]);
    expect((await readdir(folder)).sort()).toEqual(["fresh.md", "old.md"]);
    expect(await readFile(path.join(folder, "old.md"), "utf8")).toBe("old");

    expect(await update(folder, documents, { check: false, say })).toBe(true);
    expect(said.splice(0)).toEqual(["old.md written.", "none.md written."]);
    expect(await update(folder, documents, { check: true, say })).toBe(true);
    expect(said).toEqual(["Every generated document is up to date."]);
  });
});

describe("the documents", () => {
  test("link to pages, files and headings that exist", async () => {
    expect(await brokenLinks(root)).toBe("");
  });

  test("are all linked from the README or from another page", async () => {
    const pages = await tracked("docs/*.md", "docs/*.json");
    const texts = await Promise.all((await tracked("*.md")).map(read));
    const linked = new Set(texts.flatMap((text) => text.match(/[\w-]+\.(md|json)(?=[)#])/g) ?? []));
    expect(pages.filter((page) => !linked.has(path.basename(page)))).toEqual([]);
  });

  test("name every variable that a function, a command or a test reads, or say here why not", async () => {
    const document = await read("docs/environment-variables.md");
    const files = (await tracked("packages/*.ts")).filter((file) => !file.endsWith(".test.ts"));
    const texts = await Promise.all(files.map(read));
    const readers = /(?<=process\.env\.|\brequired\(")[A-Z]\w+/g;
    const names = new Set(texts.flatMap((text) => text.match(readers) ?? []));
    expect([...names].filter((name) => !document.includes(`\`${name}\``) && !internal.has(name))).toEqual([]);
  });

  test("give examples of deployments that the settings take as they stand", async () => {
    const pages = await Promise.all(["docs/deployment.md", "docs/disaster-recovery.md"].map(read));
    const blocks = pages.flatMap((text) =>
      [...text.matchAll(/```ts\n([\s\S]+?)```/g)].map(([, block = ""]) => block.replace(/^ {3}/gm, "")),
    );
    const examples = blocks.filter((text) => text.includes("export const deployments: ByStage = {"));
    expect(examples).toHaveLength(4);
    // The later examples use the constants of those before.
    const [ours = "", trial = "", production = ""] = ["ours", "trial", "production"].map((name) => {
      const [text = ""] = blocks.join("\n").match(new RegExp(`const ${name} = \\{[\\s\\S]+?\\};`)) ?? [];
      return text;
    });
    for (const example of examples) {
      const known = [ours, trial, production].filter((constant) => !example.includes(constant));
      const own = await deploymentsIn([...(example.includes(ours) ? [] : known), example].join("\n"));
      for (const stage of ["staging", "pr-7", "prod-green", "prod-west"]) settingsFor(stage, own);
      expect(settingsFor("prod", own)).toMatchObject({ account: "123456789012", isProtected: true });
    }
  });

  test("tell the waits and limits in words as the stages have them", async () => {
    const protocol = await read("docs/protocol.md");
    const settings = settingsFor("prod");
    for (const sentence of [
      `Send \`heartbeat\` every ${settings.heartbeatIntervalSeconds} s.`,
      `silent for ${settings.heartbeatTimeoutSeconds} s`,
      `between ${0.9 * settings.connectionRefreshMinutes} and ${settings.connectionRefreshMinutes} minutes`,
      `the grace period, ${settings.speakerGraceSeconds} s`,
      `| ${limits.frameBytes / 1024} KB |`,
      `| ${limits.messageBytes / 1024} KB |`,
      `| ${limits.urlCharacters} characters |`,
      `| the wait for a welcome | ${limits.welcomeMs / 1000} s |`,
      `in an hour | ${settings.rateLimitSessionsPerHour} | \`sessions\` |`,
      `in a minute | ${settings.rateLimitConnectionAttemptsPerMin} | \`connectionAttempts\` |`,
      `in a minute | ${settings.rateLimitListenerJoinsPerMin} | \`listenerJoins\` |`,
      `in a minute | ${settings.rateLimitHeartbeatsPerMin} | \`heartbeats\` |`,
    ]) {
      expect(protocol).toContain(sentence);
    }
  });
});

/** The deployments that an example of infra/deployments.ts exports. */
const deploymentsIn = async (source: string): Promise<Parameters<typeof settingsFor>[1]> => {
  const { code } = await transform(source, { loader: "ts", format: "esm" });
  return (await import(`data:text/javascript,${encodeURIComponent(code)}`)).deployments;
};

/** Variables that parts of the project set for each other, and no person sets. */
const internal = new Set([
  "PATH",
  "SST_BIN_PATH",
  "OFFLINE_AWS_SETTINGS",
  "SST_SERVER",
  "SYNTH_DEV",
  "SYNTH_EMPTY_BUNDLE",
  "SYNTH_STAGE",
  "AWS_LAMBDA_LOG_LEVEL",
  "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER",
  "AWS_SESSION_TOKEN",
  "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED",
]);
