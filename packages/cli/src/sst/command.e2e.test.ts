import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { deploy, dev, diff, refresh, remove, unlock } from "./command.js";
import { readSstFlags } from "./testing.js";

const root = path.resolve(import.meta.dirname, "../../../..");
const bin = path.join(root, "packages/cli/bin/lectern.mjs");

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "lectern-sst-command-"));
});

afterEach(() => rm(folder, { recursive: true }));

/** A stand-in for SST's binary: it prints its arguments and exits with 7, or waits for a signal and exits with 9. */
const standIn = `#!${process.execPath}
const { SST_TELEMETRY_DISABLED, SST_STAGE } = process.env;
process.exitCode = 7;
if (process.argv.includes("--verbose")) {
  setInterval(() => undefined, 1_000);
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => { console.log(signal); process.exit(9); });
}
console.log(JSON.stringify({ args: process.argv.slice(2), SST_TELEMETRY_DISABLED, SST_STAGE }));
`;

const start = async (args: readonly string[], env: Record<string, string> = {}): Promise<ChildProcess> => {
  const binary = path.join(folder, "sst");
  await writeFile(binary, standIn, { mode: 0o755 });
  const { PATH = "" } = process.env;
  const child = spawn(process.execPath, [bin, ...args], {
    cwd: folder,
    env: {
      PATH,
      HOME: folder,
      SST_BIN_PATH: binary,
      LECTERN_PROJECT_ONLY: "true",
      // Credentials are asked for nowhere but in the environment and in the home above.
      AWS_EC2_METADATA_DISABLED: "true",
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
};

const ended = async (child: ChildProcess) => {
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.on("data", (chunk) => {
      output[name] += String(chunk);
    });
  }
  const [code] = await once(child, "close");
  return { code, ...output };
};

const run = async (args: readonly string[], env?: Record<string, string>) => ended(await start(args, env));

const settings = (given: Record<string, string>) => ({ OFFLINE_AWS_SETTINGS: JSON.stringify(given) });

describe("SST runs", () => {
  test("with the given options, on this terminal, without telemetry; its exit code is the command's", async () => {
    const args = ["deploy", "--print-logs", "--stage", "alice", "--target", "Sessions,Reaper"];
    const { code, stdout, stderr } = await run(args);
    expect(JSON.parse(stdout)).toEqual({
      args: ["deploy", "--stage", "alice", "--print-logs", "--target", "Sessions,Reaper"],
      SST_TELEMETRY_DISABLED: "1",
    });
    expect({ code, stderr }).toEqual({ code: 7, stderr: "" });
  });

  test("with telemetry where somebody asks for it", async () => {
    const { stdout } = await run(["diff", "--stage", "alice"], { SST_TELEMETRY_DISABLED: "0" });
    expect(JSON.parse(stdout).SST_TELEMETRY_DISABLED).toBe("0");
  });

  test("for the stage of the variable, of .env, or of .sst/stage, in this order", async () => {
    const stageWith = async (env?: Record<string, string>) =>
      JSON.parse((await run(["remove"], env)).stdout).args.slice(0, 3);
    await mkdir(path.join(folder, ".sst"));
    await writeFile(path.join(folder, ".sst/stage"), "carol\n");
    expect(await stageWith()).toEqual(["remove", "--stage", "carol"]);
    await writeFile(path.join(folder, ".env"), "SST_STAGE=bob\n");
    expect(await stageWith()).toEqual(["remove", "--stage", "bob"]);
    expect(await stageWith({ SST_STAGE: "alice" })).toEqual(["remove", "--stage", "alice"]);
  });

  test.each(["SIGINT", "SIGTERM"] as const)("and gets %s, and is waited for", async (signal) => {
    const child = await start(["deploy", "--stage", "alice", "--verbose"]);
    const end = ended(child);
    child.stdout?.once("data", () => child.kill(signal));
    const { code, stdout } = await end;
    expect(stdout.split("\n").slice(1)).toEqual([signal, ""]);
    expect(code).toBe(9);
  });

  test("from the version that the project has installed", async () => {
    const { SST_BIN_PATH: _, ...env } = process.env;
    const missing = await promisify(execFile)(process.execPath, [bin, "diff", "--stage", "alice"], {
      cwd: folder,
      env: { ...env, AWS_EC2_METADATA_DISABLED: "true" },
    }).catch(({ code, stderr }) => ({ code, stderr }));
    expect(missing).toEqual({
      code: 1,
      stderr: "SST is not installed, or not for this machine: run npm ci here.\n",
    });
  });
});

describe("SST does not run", () => {
  const refused = async (args: readonly string[], env?: Record<string, string>) => {
    const { code, stdout, stderr } = await run(args, env);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    return stderr;
  };

  test("with a wrong setting, whose sentence is all that is printed", async () => {
    expect(await refused(["deploy", "--stage", "staging"], settings({ heartbeatTimeoutSeconds: "30" }))).toBe(
      "Setting heartbeatTimeoutSeconds (HEARTBEAT_TIMEOUT_SECONDS) must be more than heartbeatIntervalSeconds, but it is 30.\n",
    );
  });

  test("without a stage, since it would guess one", async () => {
    expect(await refused(["dev"])).toBe("Which stage? Name it: npm run dev -- --stage alice\n");
  });

  test("with an option that it does not have", async () => {
    expect(await refused(["deploy", "--stage", "alice", "--targets", "x"])).toBe(
      "Unknown option '--targets'. npm run deploy -- --help shows what there is.\n",
    );
  });
});

describe("the credentials of a stage with an account", () => {
  const key = { AWS_ACCESS_KEY_ID: "me", AWS_SECRET_ACCESS_KEY: "secret" };
  const identity = (account: string) =>
    `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Account>${account}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`;
  const refusal = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>ExpiredToken</Code><Message>The token with secret is expired</Message></Error></ErrorResponse>`;

  /** A stand-in for AWS's token service. */
  const sts = async (status: number, body: string) => {
    const asked: string[] = [];
    const server = http.createServer((request, response) => {
      asked.push(String(request.headers.authorization));
      request.resume().on("end", () => response.writeHead(status, { "content-type": "text/xml" }).end(body));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    return { env: { AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${port}` }, asked };
  };
  const mine = settings({ account: "123456789012", region: "eu-central-1" });
  const command = ["deploy", "--stage", "prod"];

  test("let SST begin when they are of that account", async () => {
    const { env, asked } = await sts(200, identity("123456789012"));
    expect((await run(command, { ...mine, ...key, ...env })).code).toBe(7);
    expect(asked).toEqual([expect.stringContaining("Credential=me/")]);
    expect(asked[0]).toContain("/eu-central-1/sts/");
  });

  test("are those of .env, as for SST itself", async () => {
    const { env, asked } = await sts(200, identity("123456789012"));
    await writeFile(
      path.join(folder, ".env.prod"),
      "AWS_ACCESS_KEY_ID=other\nAWS_SECRET_ACCESS_KEY=secret\n",
    );
    expect((await run(command, { ...mine, ...env })).code).toBe(7);
    expect(asked).toEqual([expect.stringContaining("Credential=other/")]);
  });

  test("stop it before it has made anything when they are of another", async () => {
    const { env } = await sts(200, identity("999999999999"));
    expect(await run(command, { ...mine, ...key, ...env })).toEqual({
      code: 1,
      stdout: "",
      stderr:
        "Stage prod belongs to the AWS account 123456789012, but these credentials are of 999999999999: name another profile with AWS_PROFILE, or correct account in infra/deployments.ts.\n",
    });
  });

  test("stop it when AWS does not take them, without what AWS says of them", async () => {
    const { env } = await sts(403, refusal);
    expect(await run(command, { ...mine, ...key, ...env })).toEqual({
      code: 1,
      stdout: "",
      stderr:
        "AWS does not take these credentials (ExpiredToken): sign in again, or check AWS_PROFILE and the clock.\n",
    });
  });

  test("are asked for when there are none", async () => {
    expect(await run(command, mine)).toEqual({
      code: 1,
      stdout: "",
      stderr:
        "There are no AWS credentials, or they cannot be used: sign in (aws sso login), or name a profile with AWS_PROFILE.\n",
    });
  });

  test("cannot be looked at when nobody answers, and so nothing is begun", async () => {
    const { code, stdout, stderr } = await run(command, {
      ...mine,
      ...key,
      AWS_ENDPOINT_URL_STS: "http://127.0.0.1:1",
      AWS_MAX_ATTEMPTS: "1",
    });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toBe(
      "AWS cannot be asked in eu-central-1 whose credentials these are (ECONNREFUSED): check the network, and region in infra/deployments.ts.\n",
    );
  });
});

test("each command takes the options that the installed SST has, and no other", async () => {
  const commands = { deploy, dev, diff, refresh, remove, unlock };
  const flags = await readSstFlags(root, Object.keys(commands));
  for (const [name, { args }] of Object.entries(commands)) {
    const known = [...(flags.get(name) ?? [])].filter((flag) => flag !== "help");
    expect([name, Object.keys(args ?? {}).sort()]).toEqual([name, known.sort()]);
  }
});

test("git ignores what SST writes beside every package.json", async () => {
  const files = ["sst-env.d.ts", "packages/core/sst-env.d.ts", ".sst/outputs.json"];
  const { stdout } = await promisify(execFile)("git", ["check-ignore", ...files], { cwd: root });
  expect(stdout.trim().split("\n")).toEqual(files);
});
