import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { ended as endOf, root } from "../testing.js";
import { deploy, dev, diff, refresh, remove, unlock } from "./command.js";
import { readSstFlags } from "./testing.js";

const bin = path.join(root, "packages/cli/bin/lectern.mjs");

let folder: string;

const key = { AWS_ACCESS_KEY_ID: "me", AWS_SECRET_ACCESS_KEY: "secret" };
const identity = (account: string) =>
  `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Account>${account}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`;

/** A stand-in for AWS: its token service, and Lambda's quota. */
const startAws = async ({
  status = 200,
  body = identity("123456789012"),
  concurrency = 1_000,
}: {
  status?: number;
  body?: string;
  concurrency?: number;
} = {}) => {
  const asked: string[] = [];
  const server = http.createServer((request, response) => {
    if (request.url?.startsWith("/2016-08-19/account-settings")) {
      const AccountLimit = {
        ConcurrentExecutions: concurrency,
        UnreservedConcurrentExecutions: concurrency,
      };
      response.end(JSON.stringify({ AccountLimit }));
      return;
    }
    asked.push(String(request.headers.authorization));
    request.resume().on("end", () => response.writeHead(status, { "content-type": "text/xml" }).end(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { env: { AWS_ENDPOINT_URL: `http://127.0.0.1:${port}` }, asked };
};

/** The environment of somebody who is signed in. */
let signedIn: Record<string, string>;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "lectern-sst-command-"));
  signedIn = { ...key, ...(await startAws()).env };
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
      // Credentials are asked for nowhere but in the environment and in the home above, and AWS itself is never asked.
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_ENDPOINT_URL: "http://127.0.0.1:1",
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
};

/** Without the lines of progress that the command prints on a slow machine. */
const ended = async (child: ChildProcess) => {
  const end = await endOf(child);
  return { ...end, stderr: end.stderr.replaceAll(/^Asking .+\n/gm, "") };
};

const run = async (args: readonly string[], env?: Record<string, string>) => ended(await start(args, env));

/** Runs a command with credentials. */
const runSignedIn = (args: readonly string[], env: Record<string, string> = {}) =>
  run(args, { ...signedIn, ...env });

const settings = (given: Record<string, string>) => ({ OFFLINE_AWS_SETTINGS: JSON.stringify(given) });

describe("SST runs", () => {
  test("with the given options, on this terminal, without telemetry; its exit code is the command's", async () => {
    const args = ["deploy", "--print-logs", "--stage", "alice", "--target", "Sessions,Reaper"];
    const { code, stdout, stderr } = await runSignedIn(args);
    expect(JSON.parse(stdout)).toEqual({
      args: ["deploy", "--stage", "alice", "--print-logs", "--target", "Sessions,Reaper"],
      SST_TELEMETRY_DISABLED: "1",
    });
    expect({ code, stderr }).toEqual({ code: 7, stderr: "" });
  });

  test("with telemetry where somebody asks for it", async () => {
    const { stdout } = await runSignedIn(["diff", "--stage", "alice"], { SST_TELEMETRY_DISABLED: "0" });
    expect(JSON.parse(stdout).SST_TELEMETRY_DISABLED).toBe("0");
  });

  test("for the stage of the variable, of .env, or of .sst/stage, in this order", async () => {
    const stageWith = async (env?: Record<string, string>) =>
      JSON.parse((await runSignedIn(["remove", "--yes"], env)).stdout).args;
    await mkdir(path.join(folder, ".sst"));
    await writeFile(path.join(folder, ".sst/stage"), "carol\n");
    expect(await stageWith()).toEqual(["remove", "--stage", "carol"]);
    await writeFile(path.join(folder, ".env"), "SST_STAGE=bob\n");
    expect(await stageWith()).toEqual(["remove", "--stage", "bob"]);
    expect(await stageWith({ SST_STAGE: "alice" })).toEqual(["remove", "--stage", "alice"]);
  });

  test.each(["SIGINT", "SIGTERM"] as const)("and gets %s, and is waited for", async (signal) => {
    const child = await start(["deploy", "--stage", "alice", "--verbose"], signedIn);
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
      env: { ...env, AWS_EC2_METADATA_DISABLED: "true", ...signedIn },
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

describe("live functions", () => {
  test.each([
    [["dev", "--stage", "prod"], "Stage prod takes no live functions, because it is protected: "],
    [["dev", "--stage", "staging"], "Stage staging takes no live functions, because others use it: "],
    [["diff", "--dev", "--stage", "prod"], "Stage prod takes no live functions, because it is protected: "],
    [["deploy", "--dev", "--stage", "prod"], "Stage prod takes no live functions, because it is protected: "],
  ])("%j is refused, whoever asks", async (args, sentence) => {
    const { code, stdout, stderr } = await runSignedIn(args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toBe(`${sentence}use a stage of your own (npm run dev -- --stage alice).\n`);
  });

  test("run on a stage of one's own", async () => {
    const { code, stdout } = await runSignedIn(["dev", "--stage", "alice"]);
    expect([code, JSON.parse(stdout).args]).toEqual([7, ["dev", "--stage", "alice"]]);
  });
});

describe("a question", () => {
  const removal = "Stage alice would be removed with everything in it, except what a protected stage keeps.";
  const doubt =
    "Stage production is not prod: it would be a stage of its own, without the settings and the protection of prod.";

  test.each([
    [["remove", "--stage", "alice"], removal],
    [["deploy", "--stage", "production"], doubt],
  ])("ends %j in a script, and --yes answers it", async (args, question) => {
    expect(await runSignedIn(args)).toEqual({
      code: 1,
      stdout: "",
      stderr: `${question} Add --yes if you mean it, or run the command on a terminal.\n`,
    });
    const { code, stdout } = await runSignedIn([...args, "--yes"]);
    expect([code, JSON.parse(stdout).args]).toEqual([7, args]);
  });

  test("is not asked about prod itself, nor by a command that only looks", async () => {
    for (const args of [
      ["deploy", "--stage", "prod"],
      ["diff", "--stage", "production"],
    ]) {
      expect((await runSignedIn(args)).code).toBe(7);
    }
  });
});

describe("Lambda's concurrency", () => {
  test("is named with its figure when it is low, and the deployment goes on", async () => {
    const { env } = await startAws({ concurrency: 10 });
    const { code, stderr } = await runSignedIn(["deploy", "--stage", "alice"], env);
    expect(code).toBe(7);
    expect(stderr).toMatch(
      /^Warning: Lambda's quota ConcurrentExecutions is 10 in this account and us-east-1, and not the usual 1000: .+\.\n$/,
    );
  });
});

describe("the credentials", () => {
  const refusal = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>ExpiredToken</Code><Message>The token with secret is expired</Message></Error></ErrorResponse>`;
  const mine = settings({ account: "123456789012", region: "eu-central-1" });
  const command = ["deploy", "--stage", "prod"];

  test("let SST begin when they are of that account", async () => {
    const { env, asked } = await startAws();
    expect((await run(command, { ...mine, ...key, ...env })).code).toBe(7);
    expect(asked).toEqual([expect.stringContaining("Credential=me/")]);
    expect(asked[0]).toContain("/eu-central-1/sts/");
  });

  test("are those of .env, as for SST itself", async () => {
    const { env, asked } = await startAws();
    await writeFile(
      path.join(folder, ".env.prod"),
      "AWS_ACCESS_KEY_ID=other\nAWS_SECRET_ACCESS_KEY=secret\n",
    );
    expect((await run(command, { ...mine, ...env })).code).toBe(7);
    expect(asked).toEqual([expect.stringContaining("Credential=other/")]);
  });

  test("stop it before it has made anything when they are of another", async () => {
    const { env } = await startAws({ body: identity("999999999999") });
    expect(await run(command, { ...mine, ...key, ...env })).toEqual({
      code: 1,
      stdout: "",
      stderr:
        "Stage prod belongs to the AWS account 123456789012, but these credentials are of 999999999999: name another profile with AWS_PROFILE, or correct account in infra/deployments.ts.\n",
    });
  });

  test("stop it when AWS does not take them, without what AWS says of them", async () => {
    const { env } = await startAws({ status: 403, body: refusal });
    expect(await run(command, { ...mine, ...key, ...env })).toEqual({
      code: 1,
      stdout: "",
      stderr:
        "AWS does not take these credentials (ExpiredToken): sign in again, or check AWS_PROFILE and the clock.\n",
    });
  });

  const none =
    "There are no AWS credentials, or they cannot be used: sign in (aws sso login), or name a profile with AWS_PROFILE.\n";

  test("are asked for when there are none", async () => {
    expect(await run(command, mine)).toEqual({ code: 1, stdout: "", stderr: none });
  });

  test.each(["dev", "remove", "unlock"])(
    "are asked for by %s before SST fetches anything, also on a stage without an account",
    async (name) => {
      expect(await run([name, "--stage", "alice"])).toEqual({ code: 1, stdout: "", stderr: none });
    },
  );

  test("of any account do on a stage that names none", async () => {
    const { env } = await startAws({ body: identity("999999999999") });
    expect((await run(["diff", "--stage", "alice"], { ...key, ...env })).code).toBe(7);
  });

  test("cannot be looked at when nobody answers, and so nothing is begun", async () => {
    const { code, stdout, stderr } = await run(command, {
      ...mine,
      ...key,
      AWS_MAX_ATTEMPTS: "1",
    });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toBe(
      "AWS cannot be asked in eu-central-1 whose credentials these are (ECONNREFUSED): check the network, and region in infra/deployments.ts.\n",
    );
  });
});

test("each command takes the options that the installed SST has, and no other but --yes", async () => {
  const commands = { deploy, dev, diff, refresh, remove, unlock };
  const flags = await readSstFlags(root, Object.keys(commands));
  for (const [name, { args }] of Object.entries(commands)) {
    const known = [...(flags.get(name) ?? [])].filter((flag) => flag !== "help");
    expect([
      name,
      Object.keys(args ?? {})
        .filter((own) => own !== "yes")
        .sort(),
    ]).toEqual([name, known.sort()]);
  }
});

test("git ignores what SST writes beside every package.json", async () => {
  const files = ["sst-env.d.ts", "packages/core/sst-env.d.ts", ".sst/outputs.json"];
  const { stdout } = await promisify(execFile)("git", ["check-ignore", ...files], { cwd: root });
  expect(stdout.trim().split("\n")).toEqual(files);
});
