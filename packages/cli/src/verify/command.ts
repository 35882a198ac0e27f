import { setTimeout as pause } from "node:timers/promises";
import { limits } from "@lectern/protocol";
import { sayIfSlow, UserError } from "offline-aws";
import { benchmarkAddress, localToken, roundTrip } from "../target.js";
import { defineCommand, flag, jsonFlag, text } from "../terminal/command.js";
import { type Scope, scoped } from "../terminal/scope.js";
import type { Subject } from "./check.js";
import { createReport } from "./report.js";
import { checks, createVerification, type Result } from "./suite.js";
import { findTarget, type Target } from "./target.js";

/** The variable for the password: other users of the machine can see a command line. */
const passwordVariable = "LECTERN_PASSWORD";

/** Plays a short session against a stage, looks at its rows, and names the likely cause of each failure. */
export const verify = defineCommand({
  meta: {
    name: "npm run verify --",
    description:
      "Check a stage, deployed or local: every promise once, and the likely cause of each that is broken.",
  },
  args: {
    url: text("URL", "The endpoint. Default: that of --outputs. A local stack needs no other option."),
    outputs: text(
      "FILE",
      "A deployment's outputs (.sst/outputs.json): the endpoint, the tables and the user pool.",
    ),
    stage: text(
      "STAGE",
      "The stage that the tables and functions are named after. Default: that of --outputs.",
    ),
    region: text(
      "REGION",
      "The stage's region. Default: the one in the pool's id or the endpoint, or AWS_REGION.",
    ),
    token: text("TOKEN", "The speaker's token."),
    user: text("USER", "Sign this user in, by password; the stage's setting passwordSignIn must allow that."),
    password: text("PASSWORD", `The user's password. Better: the variable ${passwordVariable}.`),
    "temporary-user": flag("Make a user for this run with your AWS credentials, and delete it at the end."),
    "user-pool-id": text("ID", "The user pool to sign in to. Default: that of --outputs."),
    "client-id": text("ID", "The pool's app client. Default: that of --outputs."),
    "refresh-minutes": text(
      "M",
      "The stage's connectionRefreshMinutes. The refresh is checked only if it is under 1.",
    ),
    json: jsonFlag,
  },
  run: async ({ args }) => {
    const begun = performance.now();
    const { token, user, json } = args;
    if ([token, user, args["temporary-user"]].filter((speaker) => speaker !== undefined).length > 1) {
      throw new UserError("Who speaks? Give only one of --token, --user and --temporary-user.");
    }
    const refreshMinutes = parseMinutes(args["refresh-minutes"]);
    await scoped(async (scope) => {
      const finding = findTarget(args);
      const target = await scope.unlessInterrupted(sayIfSlow(say, "Looking for the endpoint", finding));
      const { url, stage } = target;
      const signing = tokenOf(args, target, scope);
      const token = await scope.unlessInterrupted(sayIfSlow(say, "Signing the speaker in", signing));
      const verification = createVerification(subjectOf(target, token, refreshMinutes));
      scope.defer(verification.finish);

      const report = json ? undefined : createReport(process.stdout);
      report?.begin(url, stage);
      const results: Result[] = [];
      for (const check of checks) {
        const result = await scope.unlessInterrupted(verification.perform(check));
        results.push(result);
        report?.add(result);
      }
      const ok = results.every(({ status }) => status !== "failed");
      const tookMs = performance.now() - begun;
      report?.end(results, tookMs);
      if (json) console.log(JSON.stringify({ ok, url, stage: stage ?? null, tookMs, checks: results }));
      if (!ok) process.exitCode = 1;
    });
  },
});

const say = (line: string): void => console.error(line);

const parseMinutes = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  const minutes = Number(text);
  if (minutes > 0) return minutes;
  throw new UserError(`--refresh-minutes takes a number of minutes more than 0, not ${text}.`);
};

/** The options for the speaker's sign-in. */
type Speaker = Readonly<Partial<Record<"token" | "user" | "password", string | undefined>>> & {
  readonly "temporary-user"?: boolean | undefined;
};

const tokenOf = async (speaker: Speaker, target: Target, scope: Scope): Promise<string> => {
  const { token, user: username, password = process.env[passwordVariable] } = speaker;
  if (token !== undefined) return token;
  if (username === undefined && !speaker["temporary-user"]) {
    if (target.local) return localToken(process.cwd(), target.local, "verify");
    throw new UserError(
      `Who speaks at ${target.url}? Give a token of its user pool (--token), a user (--user), or --temporary-user.`,
    );
  }
  if (username !== undefined && !password) {
    throw new UserError(`The password of --user is missing: give it in the variable ${passwordVariable}.`);
  }
  const { aws, pool } = target;
  const { clientId, userPoolId } = pool;
  if (clientId === undefined) {
    throw new UserError(
      "Signing in needs the pool's app client: name it with --client-id, or use --outputs.",
    );
  }
  if (!aws) throw new UserError("Signing in needs the pool's region: name it with --region.");
  const { signIn, signInTemporarily } = await import("./sign-in.js");
  if (username !== undefined && password) return signIn(aws, { clientId }, { username, password });
  if (userPoolId !== undefined) return signInTemporarily(aws, { userPoolId, clientId }, { scope, say });
  throw new UserError("--temporary-user needs the user pool: name it with --user-pool-id, or use --outputs.");
};

const subjectOf = (target: Target, token: string, refreshMinutes: number | undefined): Subject => ({
  ...target,
  token,
  refreshMinutes,
  since: target.now() - target.clockErrorMs,
  // API Gateway holds a handshake for 29 s at most.
  handshakeMs: 30_000,
  limitMs: target.local ? 30_000 : limits.welcomeMs,
  judgesSpeed: !target.local,
  // CloudWatch finds a line some seconds after it was written, the local stack at once.
  patienceMs: target.local ? 0 : 12_000,
  address: benchmarkAddress(),
  roundTrip: () => roundTrip(target.url),
  pause: (ms) => pause(ms),
  say,
});
