import { UserError } from "offline-aws";
import { startIn } from "../stack.js";
import { isLoopback, localToken, parseUrl, plain, reach, stackAt } from "../target.js";
import type { Scope } from "../terminal/scope.js";

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
  const stack = await stackAt(defaultHost);
  if (stack) {
    return {
      url: `ws://${defaultHost}/prod`,
      token: token ?? (await localToken(root, stack, "demo")),
      what: `the stack that runs at ws://${defaultHost}/prod`,
    };
  }
  say("No stack runs on port 4000: starting one for this demo, for about five seconds.");
  return own(options);
};

const given = async (root: string, url: URL, token: string | undefined): Promise<Target> => {
  await reach(url);
  return { url: plain(url), token: token ?? (await tokenAt(root, url)), what: plain(url) };
};

const tokenAt = async (root: string, url: URL): Promise<string> => {
  const stack = isLoopback(url) ? await stackAt(url.host) : undefined;
  if (stack) return localToken(root, stack, "demo");
  throw new UserError(
    `To speak at ${url.host} the demo needs a token of its user pool: give it with --token.`,
  );
};

const own = async ({ root, scope, say }: TargetOptions): Promise<Target> => {
  const stack = await startIn(scope, { root, observer: { say } });
  return {
    url: stack.webSocketUrl,
    token: stack.token({ username: "demo" }),
    what: `a stack of its own at ${stack.webSocketUrl}`,
  };
};
