import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import net from "node:net";
import path from "node:path";
import { promisify } from "node:util";
import { UserError } from "@lectern/local";
import type { Scope } from "../scope.js";
import { startIn } from "../stack.js";

/** What the demo is played against. */
export interface Target {
  readonly url: string;
  readonly token: string;
  /** In words: `the stack that runs on port 4000`. */
  readonly what: string;
}

export interface TargetOptions {
  readonly root: string;
  readonly url: string | undefined;
  readonly token: string | undefined;
  readonly say: (line: string) => void;
  readonly scope: Scope;
}

const defaultHost = "127.0.0.1:4000";

/** @throws {UserError} when nobody is there, or a token is missing */
export const findTarget = async (options: TargetOptions): Promise<Target> => {
  const { root, url, token, say } = options;
  if (url !== undefined) return given(root, parseUrl(url), token);
  if (await isStack(defaultHost)) {
    return {
      url: `ws://${defaultHost}/prod`,
      token: token ?? (await localToken(root)),
      what: `the stack that runs at ws://${defaultHost}/prod`,
    };
  }
  say("No stack runs on port 4000: starting one for this demo, for about five seconds.");
  return own(options);
};

const given = async (root: string, url: URL, token: string | undefined): Promise<Target> => {
  await reach(url);
  if (token === undefined && !isLoopback(url)) {
    throw new UserError(
      `To speak at ${url.host} the demo needs a token of its user pool: give it with --token.`,
    );
  }
  return { url: plain(url), token: token ?? (await localToken(root)), what: plain(url) };
};

const own = async ({ root, scope, say }: TargetOptions): Promise<Target> => {
  const stack = await startIn(scope, { root, observer: { say } });
  return {
    url: stack.webSocketUrl,
    token: stack.token({ username: "demo" }),
    what: `a stack of its own at ${stack.webSocketUrl}`,
  };
};

const parseUrl = (text: string): URL => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !["ws:", "wss:"].includes(url.protocol)) {
    throw new UserError(`--url takes a WebSocket address, such as ws://127.0.0.1:4000/prod, not ${text}.`);
  }
  return url;
};

/** Without a query: the demo has its own. */
const plain = ({ origin, pathname }: URL): string => `${origin}${pathname}`;

const isLoopback = ({ hostname }: URL): boolean => /^(127\.|localhost$|\[::1\]$)/.test(hostname);

const reachMs = 5_000;

/** @throws {UserError} unless somebody listens there */
const reach = (url: URL): Promise<void> =>
  new Promise((resolve, reject) => {
    const port = Number(url.port) || (url.protocol === "wss:" ? 443 : 80);
    const socket = net.connect({ host: url.hostname.replace(/^\[|\]$/g, ""), port });
    const fail = (why: string) => {
      socket.destroy();
      reject(
        new UserError(
          `Nobody answers at ${plain(url)} (${why}): start a stack with npm start, or mend --url.`,
        ),
      );
    };
    socket.setTimeout(reachMs, () => fail("no answer"));
    socket.on("error", (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
    socket.on("connect", () => {
      socket.destroy();
      resolve();
    });
  });

/** Whether a local stack listens there, and not something else: it names itself in what it refuses. */
const isStack = async (host: string): Promise<boolean> => {
  const signal = AbortSignal.timeout(2_000);
  const response = await fetch(`http://${host}/`, { signal }).catch(() => undefined);
  return response?.headers.get("x-amzn-errortype") === "NotAvailableOfflineException";
};

/**
 * What `npm run -s token` prints: the checkout's issuer signs, whether its stack was started here or not. Each demo is
 * a user of its own, so that none meets the limit of sessions per user.
 */
const localToken = async (root: string): Promise<string> => {
  const tool = path.join(root, "node_modules/.bin/lectern-local");
  const { stdout } = await promisify(execFile)(tool, ["token", `demo-${randomBytes(4).toString("hex")}`], {
    cwd: root,
  });
  return stdout.trim();
};
