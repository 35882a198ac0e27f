import { access, readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { program, projectRoot, runTool, temporaryFolder, temporaryProject } from "../testing.js";

/** Nothing that would reach a registry does: every port is closed. */
const offline = async () => {
  const nowhere = "http://127.0.0.1:9";
  return {
    npm_config_registry: nowhere,
    HTTP_PROXY: nowhere,
    HTTPS_PROXY: nowhere,
    npm_config_cache: await temporaryFolder(),
    npm_config_fetch_retries: "0",
  };
};

const sentence =
  /^Fetching SST's platform .+\nSST's platform could not be fetched from the npm registry: [^\n]+\. Check the network and try again; \.sst\/offline-home\/install\.log has the whole story\.\n$/;

const installed = JSON.parse(
  await readFile(path.join(projectRoot, "node_modules/sst/package.json"), "utf8"),
) as { version: string };

test("without a network the platform's absence gives one sentence, every time, and code 1", async () => {
  const cwd = await temporaryProject({ "sst.config.ts": program("return {};") }, { platform: false });
  const env = await offline();
  for (const _attempt of [1, 2]) {
    const { code, stdout, stderr } = await runTool(["platform"], { cwd, env });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(sentence);
  }
  expect(await readFile(path.join(cwd, ".sst/offline-home/install.log"), "utf8")).not.toBe("");
});

test("an install that was interrupted is not taken for a platform, and nothing of it is built upon", async () => {
  const cwd = await temporaryProject(
    {
      "sst.config.ts": program("return {};"),
      // What npm has already unpacked says nothing of what it has not.
      ".sst/platform/version": installed.version,
      ".sst/platform/node_modules/@pulumi/aws/package.json": "{}",
      ".sst/platform/node_modules/half/index.js": "",
    },
    { platform: false },
  );
  const { code, stderr } = await runTool(["platform"], { cwd, env: await offline() });
  expect(code).toBe(1);
  expect(stderr).toMatch(sentence);
  await expect(access(path.join(cwd, ".sst/platform/node_modules/half"))).rejects.toThrow();
});

test("a platform of another version is fetched anew", async () => {
  const cwd = await temporaryProject(
    {
      "sst.config.ts": program("return {};"),
      ".sst/platform/version": "3.0.0",
      ".sst/platform/config.d.ts": "export {};",
    },
    { platform: false },
  );
  const { code, stderr } = await runTool(["platform"], { cwd, env: await offline() });
  expect(code).toBe(1);
  expect(stderr).toMatch(sentence);
});

test("a whole platform is left as it is, in no time", async () => {
  const cwd = await temporaryProject({ "sst.config.ts": program("return {};") });
  expect(await runTool(["platform"], { cwd, env: await offline() })).toEqual({
    code: 0,
    stdout: "",
    stderr: "",
  });
});
