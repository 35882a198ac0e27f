import { setTimeout as pause } from "node:timers/promises";
import { limits } from "@lectern/protocol";
import { UserError } from "offline-aws";
import { benchmarkAddress } from "../address.js";
import type { Command, Given } from "../terminal/given.js";
import { sayIfSlow } from "../terminal/progress.js";
import { type Scope, scoped } from "../terminal/scope.js";
import type { Subject } from "./check.js";
import { createReport } from "./report.js";
import { roundTrip } from "./round-trip.js";
import type { Result } from "./suite.js";
import type { Target } from "./target.js";

/** The variable that a password is better given in: command lines are seen by others. */
const passwordVariable = "LECTERN_PASSWORD";

/** Plays a short session against a deployed stage, looks at its rows, and says of everything that fails why. */
export const verify: Command = {
  name: "verify",
  summary:
    "Check a deployed stage, or a local one: every promise once, and the cause of each that is broken.",
  call: "npm run verify --",
  options: {
    url: {
      type: "string",
      value: "URL",
      help: "The endpoint. Default: that of --outputs. One on this machine is a local stack, and needs nothing else.",
    },
    outputs: {
      type: "string",
      value: "FILE",
      help: "What the deployment put out, .sst/outputs.json: the endpoint, the tables and the user pool.",
    },
    stage: {
      type: "string",
      value: "STAGE",
      help: "The stage, which the tables and functions are named after. Default: that of --outputs.",
    },
    region: {
      type: "string",
      value: "REGION",
      help: "The stage's region. Default: as the pool's id or the endpoint says, or AWS_REGION.",
    },
    token: { type: "string", value: "TOKEN", help: "The speaker's token." },
    user: {
      type: "string",
      value: "USER",
      help: "Sign this user in instead, by password alone; the stage's setting passwordSignIn must allow it.",
    },
    password: {
      type: "string",
      value: "PASSWORD",
      help: `The user's password. Better in the variable ${passwordVariable}.`,
    },
    "temporary-user": {
      type: "boolean",
      help: "Make a user for this run with your AWS credentials instead, and delete it at the end.",
    },
    "user-pool-id": {
      type: "string",
      value: "ID",
      help: "Where to sign in. Default: the pool of --outputs.",
    },
    "client-id": { type: "string", value: "ID", help: "The pool's app client. Default: that of --outputs." },
    "refresh-minutes": {
      type: "string",
      value: "M",
      help: "The stage's connectionRefreshMinutes. Under 1 the refresh is waited for and checked; else it is skipped.",
    },
    json: { type: "boolean", help: "Print one JSON object at the end, and nothing else." },
  },
  run: async (given) => {
    const begun = performance.now();
    const quiet = given.flag("json");
    const speaker = parseSpeaker(given);
    const refreshMinutes = parseMinutes(given.text("refresh-minutes"));
    const { findTarget } = await import("./target.js");
    const { checks, createVerification } = await import("./suite.js");
    await scoped(async (scope) => {
      const finding = findTarget(wantedOf(given));
      const target = await scope.unlessInterrupted(sayIfSlow(say, "Looking for the endpoint", finding));
      const { url, stage } = target;
      const signing = tokenOf(speaker, target, given.root, scope);
      const token = await scope.unlessInterrupted(sayIfSlow(say, "Signing the speaker in", signing));
      const verification = createVerification(subjectOf(target, token, refreshMinutes));
      scope.defer(verification.finish);

      const report = quiet ? undefined : createReport(process.stdout);
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
      if (quiet) console.log(JSON.stringify({ ok, url, stage: stage ?? null, tookMs, checks: results }));
      if (!ok) process.exitCode = 1;
    });
  },
};

const say = (line: string): void => console.error(line);

/** Who speaks, and how that is shown. */
type Speaker =
  | { readonly by: "token"; readonly token: string }
  | { readonly by: "password"; readonly username: string; readonly password: string }
  | { readonly by: "administrator" }
  | { readonly by: "issuer" };

const parseSpeaker = (given: Given): Speaker => {
  const [token, username] = [given.text("token"), given.text("user")];
  const temporary = given.flag("temporary-user");
  if ([token !== undefined, username !== undefined, temporary].filter(Boolean).length > 1) {
    throw new UserError("Who speaks? Give one of --token, --user and --temporary-user.");
  }
  if (token !== undefined) return { by: "token", token };
  if (temporary) return { by: "administrator" };
  if (username === undefined) return { by: "issuer" };
  const password = given.text("password") ?? process.env[passwordVariable];
  if (!password) {
    throw new UserError(`The password of --user is missing: give it in the variable ${passwordVariable}.`);
  }
  return { by: "password", username, password };
};

const parseMinutes = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  const minutes = Number(text);
  if (!(minutes > 0)) {
    throw new UserError(`--refresh-minutes takes a number of minutes more than 0, not ${text}.`);
  }
  return minutes;
};

const wantedOf = (given: Given) => ({
  root: given.root,
  url: given.text("url"),
  outputs: given.text("outputs"),
  stage: given.text("stage"),
  region: given.text("region"),
  userPoolId: given.text("user-pool-id"),
  clientId: given.text("client-id"),
});

const tokenOf = async (speaker: Speaker, target: Target, root: string, scope: Scope): Promise<string> => {
  switch (speaker.by) {
    case "token":
      return speaker.token;
    case "password": {
      const { signIn } = await import("./sign-in.js");
      const { aws, clientId } = whereToSignIn(target);
      return signIn(aws, { clientId }, speaker);
    }
    case "administrator": {
      const { signInTemporarily } = await import("./sign-in.js");
      const { aws, clientId, userPoolId } = whereToSignIn(target);
      if (userPoolId === undefined) {
        throw new UserError(
          "--temporary-user needs the user pool: name it with --user-pool-id, or use --outputs.",
        );
      }
      return signInTemporarily(aws, { userPoolId, clientId }, { scope, say });
    }
    case "issuer": {
      if (target.local) return (await import("./target.js")).ownToken(root, target.local);
      throw new UserError(
        `Who speaks at ${target.url}? Give a token of its user pool (--token), a user (--user), or --temporary-user.`,
      );
    }
  }
};

const whereToSignIn = ({ aws, pool }: Target) => {
  const { clientId, userPoolId } = pool;
  if (clientId === undefined) {
    throw new UserError(
      "To sign in takes the pool's app client: name it with --client-id, or use --outputs.",
    );
  }
  if (!aws) throw new UserError("To sign in takes the pool's region: name it with --region.");
  return { aws, clientId, userPoolId };
};

/** CloudWatch's lines can be found some seconds after they were written, the local stack's at once. */
const patience = { deployedMs: 12_000, localMs: 0 };

const subjectOf = (target: Target, token: string, refreshMinutes: number | undefined): Subject => {
  const { url, stage, pool, operator, local, now, clockErrorMs } = target;
  const { userPoolId, clientId } = pool;
  return {
    url,
    token,
    stage,
    pool: userPoolId !== undefined && clientId !== undefined ? { userPoolId, clientId } : undefined,
    operator,
    refreshMinutes,
    now,
    since: now() - clockErrorMs,
    // API Gateway holds a handshake for 29 s at most.
    handshakeMs: 30_000,
    limitMs: limits.welcomeMs,
    patienceMs: local ? patience.localMs : patience.deployedMs,
    address: benchmarkAddress(),
    roundTrip: () => roundTrip(url),
    pause: (ms) => pause(ms),
    say,
  };
};
