import { once } from "node:events";
import { access, readFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import {
  processes,
  program,
  projectRoot,
  runTool,
  startTool,
  temporaryFolder,
  temporaryProject,
} from "../testing.js";

/** An environment in which every registry is a closed port. */
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
  /^Fetching SST's platform .+\nSST's platform could not be fetched from the npm registry: [^\n]+\. Check the network and try again; the whole output is in \.sst\/offline-home\/install\.log\.\n$/;

const installed = JSON.parse(
  await readFile(path.join(projectRoot, "node_modules/sst/package.json"), "utf8"),
) as { version: string };

test("a missing platform without a network gives one sentence and code 1, every time", async () => {
  const cwd = await temporaryProject({ "sst.config.ts": program("return {};") }, { platform: false });
  const env = await offline();
  for (const _attempt of [1, 2]) {
    const { code, stdout, stderr } = await runTool(["platform"], { cwd, env });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(sentence);
  }
  expect(await readFile(path.join(cwd, ".sst/offline-home/install.log"), "utf8")).not.toBe("");
});

test("an interrupted install is not used, and is removed", async () => {
  const cwd = await temporaryProject(
    {
      "sst.config.ts": program("return {};"),
      // The files that npm has unpacked do not show which are still missing.
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

test("a platform of another version is replaced", async () => {
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

test("a complete platform is left as it is", async () => {
  const cwd = await temporaryProject({ "sst.config.ts": program("return {};") });
  expect(await runTool(["platform"], { cwd, env: await offline() })).toEqual({
    code: 0,
    stdout: "",
    stderr: "",
  });
});

/** A registry that answers no request, so that the fetch does not end. */
const silentRegistry = async () => {
  const server = http.createServer(() => undefined).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const registry = `http://127.0.0.1:${port}`;
  return { ...(await offline()), npm_config_registry: registry, HTTP_PROXY: "", HTTPS_PROXY: "" };
};

const withoutPlatform = () =>
  temporaryProject({ "sst.config.ts": program("return {};") }, { platform: false });

/** The process group of the installer that runs for this project. */
const installerOf = async (cwd: string): Promise<number> => {
  const find = () => processes().find(({ args = "" }) => args.includes(`${cwd}/node_modules/sst/`))?.group;
  await expect.poll(find, { timeout: 20_000 }).toBeDefined();
  return find() ?? 0;
};

const isRunning = (group: number): boolean => processes().some((each) => each.group === group);

const begin = (args: readonly string[], options: Parameters<typeof startTool>[1]) => {
  const tool = startTool(args, options);
  onTestFinished(() => void tool.child.kill("SIGKILL"));
  return tool;
};

test("the second of two commands waits; when the first is killed, its installer exits and the second takes over", async () => {
  const [cwd, env] = [await withoutPlatform(), await silentRegistry()];
  const first = begin(["platform"], { cwd, env });
  const installer = await installerOf(cwd);
  const second = begin(["platform"], { cwd, env });
  const waits = "Another command is fetching SST's platform: waiting for it\n";
  await expect.poll(second.stderr, { timeout: 20_000 }).toBe(waits);
  expect(isRunning(installer)).toBe(true);

  first.child.kill("SIGKILL");
  await expect.poll(second.stderr).toMatch(new RegExp(`^${waits}Fetching `));
  await expect.poll(() => isRunning(installer), { timeout: 5_000 }).toBe(false);

  const successor = await installerOf(cwd);
  second.child.kill("SIGTERM");
  await second.ended;
  await expect.poll(() => isRunning(successor), { timeout: 5_000 }).toBe(false);
});

test("a start that is told to end while it fetches exits within seconds, and so does its installer", async () => {
  const [cwd, env] = [await withoutPlatform(), await silentRegistry()];
  const tool = begin(["start", "--port", "0"], { cwd, env });
  const installer = await installerOf(cwd);
  const asked = Date.now();
  tool.child.kill("SIGTERM");
  expect(await tool.ended).toMatchObject({ code: 0, stdout: "" });
  expect(Date.now() - asked).toBeLessThan(5_000);
  await expect.poll(() => isRunning(installer), { timeout: 5_000 }).toBe(false);
  await expect(access(path.join(cwd, ".sst/platform.lock"))).rejects.toThrow("ENOENT");
});
