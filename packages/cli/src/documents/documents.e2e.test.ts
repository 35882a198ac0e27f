import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { transform } from "esbuild";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { settingsFor } from "../../../../infra/settings.js";
import { asText, check } from "./check/check.js";
import { parseDocument } from "./check/document.js";
import { readWorld, type World } from "./check/world.js";
import { generate, readSources, type Sources, update } from "./documents.js";
import { environmentDocument } from "./environment.js";

const root = path.resolve(import.meta.dirname, "../../../..");

let sources: Sources;
let world: World;

beforeAll(async () => {
  sources = await readSources(root, () => undefined);
  world = await readWorld(sources);
});

/** What is found in a document of this text. */
const foundIn = (text: string, others: Readonly<Record<string, string>> = {}): string[] =>
  check({ "docs/page.md": text, ...others }, world).map(asText);

const shell = (line: string): string => `\`\`\`sh\n${line}\n\`\`\``;

describe("the documents that are made from the code", () => {
  test("are as `npm run documents` writes them", async () => {
    const said: string[] = [];
    await update(root, await generate(sources), { check: true, say: (line) => said.push(line) });
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
      "old.md is stale: npm run documents writes it anew.",
      "none.md is stale: npm run documents writes it anew.",
    ]);
    expect((await readdir(folder)).sort()).toEqual(["fresh.md", "old.md"]);
    expect(await readFile(path.join(folder, "old.md"), "utf8")).toBe("old");

    expect(await update(folder, documents, { check: false, say })).toBe(true);
    expect(said.splice(0)).toEqual(["old.md written.", "none.md written."]);
    expect(await update(folder, documents, { check: true, say })).toBe(true);
    expect(said).toEqual(["Every generated document is up to date."]);
  });

  test("do not describe a function's variable that is not there, nor leave one out", () => {
    const { graph } = sources;
    const without = { ...graph, resources: graph.resources.map(withoutVariable("ENV")) };
    expect(() => environmentDocument(without)).toThrow(/must describe ENV or not, as the functions have it/);
  });

  test("name every variable that a command or a test reads, or say here why not", async () => {
    const document = await readFile(path.join(root, "docs/environment-variables.md"), "utf8");
    const files = [...world.files].filter(
      (file) => /^packages\/.*\.ts$/.test(file) && !file.endsWith(".test.ts"),
    );
    const texts = await Promise.all(files.map((file) => readFile(path.join(root, file), "utf8")));
    const read = new Set(texts.flatMap((text) => text.match(/(?<=process\.env\.)[A-Z]\w+/g) ?? []));
    expect([...read].filter((name) => !document.includes(`\`${name}\``) && !internal.has(name))).toEqual([]);
  });

  test("give examples of infra/deployments.ts that hold as they stand", async () => {
    const pages = ["deployment.md", "disaster-recovery.md"].map(async (page) =>
      parseDocument(page, await readFile(path.join(root, "docs", page), "utf8")),
    );
    const examples = (await Promise.all(pages))
      .flatMap(({ blocks }) => blocks.map(({ text }) => text))
      .filter((text) => text.includes("export const deployments: ByStage = {"));
    expect(examples).toHaveLength(4);
    // Later examples use the first one's `ours`.
    const [shared = ""] = examples[0]?.match(/const ours = \{[\s\S]+?\};/) ?? [];
    for (const example of examples) {
      const source = example.includes(shared) ? example : `${shared}\n${example}`;
      const { code } = await transform(source, { loader: "ts", format: "esm" });
      const { deployments }: { deployments: Parameters<typeof settingsFor>[1] } = await import(
        `data:text/javascript,${encodeURIComponent(code)}`
      );
      for (const stage of ["staging", "pr-7", "prod-green", "prod-west"]) settingsFor(stage, deployments);
      expect(settingsFor("prod", deployments)).toMatchObject({ account: "123456789012", isProtected: true });
    }
  });

  test("tell the waits and limits in words as the stages have them", async () => {
    const protocol = await readFile(path.join(root, "docs/protocol.md"), "utf8");
    const settings = settingsFor("prod");
    for (const sentence of [
      `Send \`heartbeat\` every ${settings.heartbeatIntervalSeconds} s.`,
      `Whoever is silent for ${settings.heartbeatTimeoutSeconds} s is closed`,
      `somewhere between ${0.9 * settings.connectionRefreshMinutes} and ${settings.connectionRefreshMinutes} minutes`,
      `back within the grace period, ${settings.speakerGraceSeconds} s`,
    ]) {
      expect(protocol).toContain(sentence);
    }
  });
});

/** What the parts of the project tell each other, and no person sets. */
const internal = new Set([
  "PATH",
  "SST_BIN_PATH",
  "SST_LOCAL_SETTINGS",
  "SST_SERVER",
  "SYNTH_EMPTY_BUNDLE",
  "SYNTH_STAGE",
  "AWS_LAMBDA_LOG_LEVEL",
  "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER",
  "AWS_SESSION_TOKEN",
  "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED",
]);

const withoutVariable =
  (name: string) =>
  (resource: Sources["graph"]["resources"][number]): Sources["graph"]["resources"][number] => {
    if (resource.type !== "aws:lambda/function:Function") return resource;
    const { variables } = resource.inputs.environment as { variables: Record<string, string> };
    const { [name]: _left, ...rest } = variables;
    return { ...resource, inputs: { ...resource.inputs, environment: { variables: rest } } };
  };

describe("the documents", () => {
  test("name nothing that is not so", async () => {
    const paths = [...world.files].filter((file) => /^(README\.md|docs\/.+\.md)$/.test(file));
    const texts = paths.map(async (file) => [file, await readFile(path.join(root, file), "utf8")] as const);
    expect(check(Object.fromEntries(await Promise.all(texts)), world).map(asText)).toEqual([]);
  });

  test("are all linked from the README, or from one that it links", async () => {
    const pages = [...world.files].filter((file) => /^docs\/.+\.(md|json)$/.test(file));
    const texts = await Promise.all(
      ["README.md", ...pages].map((file) => readFile(path.join(root, file), "utf8")),
    );
    const linked = new Set(texts.flatMap((text) => text.match(/[\w-]+\.(md|json)(?=[)#])/g) ?? []));
    expect(pages.filter((page) => !linked.has(path.basename(page)))).toEqual([]);
  });
});

describe("a mistake in a document is found where it stands:", () => {
  const expectOnly = (found: readonly string[], line: number, what: string | RegExp) => {
    expect(found).toHaveLength(1);
    const [, at, said] = found[0]?.match(/^docs\/page\.md:(\d+): (.*)$/) ?? [];
    expect(at).toBe(`${line}`);
    expect(said).toEqual(typeof what === "string" ? what : expect.stringMatching(what));
  };

  test.each([
    ["npm run verfy", "there is no script verfy in package.json"],
    ["npm install lectern", "npm install is not used in this project"],
    ["npm ci --force", "npm ci takes no --force here"],
    [
      "npm run demo -- --listener 5",
      /^Unknown option '--listener'\. npm run demo -- --help shows what there is\.$/,
    ],
    ["npm run demo -- --listeners", /^Option '--listeners <value>' argument missing/],
    ["npm run synth --stage prod", "npm itself would take --stage: put -- before it"],
    ["npm start -- --port 5000 now", /^Unexpected argument now/],
    ["npm start -- --set speakerGrace=5", "there is no setting speakerGrace"],
    ["npm start -- --set SPEAKER_GRACE=5", "there is no setting SPEAKER_GRACE"],
    ["npm run deploy -- --stages prod", /^Unknown option '--stages'/],
    ["npx sst difference --stage prod", "sst difference is no command of SST that documents name"],
    ["npx sst diff --stge prod", "sst diff has no option --stge"],
    ["npx lectern deplay", "lectern has no command deplay"],
    ["npx lecturn demo", "lecturn is not installed: npx would fetch a stranger"],
    [
      "npx vitest run packages/core/src/tickets.test.ts",
      "there is no file packages/core/src/tickets.test.ts",
    ],
    ["node docs/example/talker.mjs", "there is no file docs/example/talker.mjs"],
    ["nmp start", "the program nmp is not known here"],
    ['TOKEN="$(npm run -s tokn -- alice)" npm start', "there is no script tokn in package.json"],
    ["npm ci && npm run strat", "there is no script strat in package.json"],
    ["npm run demo -- \\\n  --listener 5", /^Unknown option '--listener'/],
    ["aws dynamodb scan --table-name Session-prod", "a deployment makes nothing called Session-prod"],
    ["aws dynamodb scan --table-name Sessions-list", "a deployment makes nothing called Sessions-list"],
  ])("the command %j", (line, what) => {
    const found = foundIn(`# Page\n\n\`\`\`sh\n${line}\n\`\`\``);
    expectOnly(found, 4, what);
  });

  test.each([
    ["`npm run verfy`", "there is no script verfy in package.json"],
    ["`npm run demo -- --listener 5`", /^Unknown option '--listener'/],
    ["`--listener`", "no command has the option --listener"],
    ["`packages/core/src/tickets.ts`", "there is no file packages/core/src/tickets.ts"],
    ["`package/core/src/ticket.ts`", "there is no file package/core/src/ticket.ts"],
    ["`infra/storage`", "there is no file infra/storage"],
    ["`packages/*/src/tickets.ts`", "there is no file packages/*/src/tickets.ts"],
    ["`infra/{storage,secrets}.ts`", "there is no file infra/{storage,secrets}.ts"],
    ["`sst.conf.ts`", "there is no file sst.conf.ts"],
    ["`maxListenerPerSession`", "nothing here is called maxListenerPerSession"],
    ["`speakerGrace=5`", "nothing here is called speakerGrace"],
    ["`CountsDrift`", "nothing here is called CountsDrift"],
    ["`SESSION_IS_FULL`", "nothing here is called SESSION_IS_FULL"],
    ["`FORBIDEN`", "nothing here is called FORBIDEN"],
    ["`WRONG_*`", "nothing here is called WRONG_*"],
    ["`reaper-silence`", "nothing here is called reaper-silence"],
    ["`session-conection-handler-prod`", "a deployment makes nothing called session-conection-handler-prod"],
    ["`session-welcomes-<stage>`", "a deployment makes nothing called session-welcomes-<stage>"],
    ["`/aws/lambda/session-greet-prod`", "a deployment makes nothing called session-greet-prod"],
    ["[there](nowhere.md)", "the link leads to docs/nowhere.md, which does not exist"],
    ["[there](../READYOU.md)", "the link leads to READYOU.md, which does not exist"],
    ["[there](#nowhere)", "docs/page.md has no heading #nowhere"],
    ["[there](other.md#nowhere)", "docs/other.md has no heading #nowhere"],
    ["MORE_TO_COME", "MORE_TO_COME stands for a text that is missing"],
  ])("%s", (text, what) => {
    // Below a line of the same paragraph, so that it is not merely the paragraph that is named.
    expectOnly(foundIn(`# Page\n\nSee\n${text}`, { "docs/other.md": "# Other\n" }), 4, what);
  });

  test.each([
    ["ts", "prod: { isProtect: true }", "nothing here is called isProtect"],
    ["json", '{ "action": heartbeat }', "the block is not JSON"],
    ["", "npm start", "the block does not say what language it is in"],
    ["mermaid", "sequenceDiagramm\n", "sequenceDiagramm begins no diagram that is used here"],
  ])("in a block of %j: %s", (language, text, what) => {
    expectOnly(foundIn(`# Page\n\n\`\`\`${language}\n${text}\n\`\`\``), 4, what);
  });

  test.each([
    ["sequenceDiagram", "A=>B: hello", 5, "a sequenceDiagram has no line such as A=>B: hello"],
    ["sequenceDiagram", "A->>B", 5, "a sequenceDiagram has no line such as A->>B"],
    ["sequenceDiagram", "loop every day\n  A->>B: hello", 4, "the diagram opens 1 blocks and ends 0"],
    ["flowchart LR", "a[(Sessions] --> b", 5, "a flowchart has no line such as a[(Sessions] --> b"],
    ["flowchart LR", "a --> b[session-welcom]", 5, "a deployment makes nothing called session-welcom"],
    ["stateDiagram-v2", "active -> ended", 5, "a stateDiagram has no line such as active -> ended"],
  ])("in a %s: %s", (kind, text, line, what) => {
    expectOnly(foundIn(`# Page\n\n\`\`\`mermaid\n${kind}\n  ${text}\n\`\`\``), line, what);
  });

  test("a row that does not fit its table", () => {
    const table = ["| a | b |", "|---|---|", "| 1 | 2 |", "| 1 | `x\\|y` |", "| 1 |"];
    expectOnly(
      foundIn(["# Page", "", ...table].join("\n")),
      7,
      "the row has not as many cells as its header",
    );
  });
});

test.each([
  shell("npm ci && npm start"),
  shell("LECTERN_PASSWORD=x npm run demo -- --url wss://live.example.com --token <jwt> # as before"),
  shell("npm run demo -- --json | cat").replace("| cat", "> demo.json"),
  "`npm run -s token -- alice`, `npm start -- --set MAX_LISTENERS_PER_SESSION=3`",
  "`packages/core/src`, `infra/`, `sst.config.ts`, `packages/*/src/index.ts`, `infra/{auth,stage}.ts`",
  "`Sessions-prod`, `Sessions-<stage>`, `session-welcome`, `session-welcome-pr-7`, `reaper-silent`",
  "`INVALID_*`, `SESSION_FULL`, `targetLanguage?`, `sharedNetwork=true`",
  "[here](#a-page-of-its-own), [there](other.md#two-words-1), [out](https://example.com/x#y)",
])("what is so is let stand: %s", (text) => {
  const others = { "docs/other.md": "# Two words\n\n## `Two` words\n" };
  expect(foundIn(`# A page, of its own\n\n${text}`, others)).toEqual([]);
});
