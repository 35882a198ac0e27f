import { UserError } from "offline-aws";
import { startIn } from "../stack.js";
import { isLoopback, localToken, parseUrl, plain, reach, stackAt } from "../target.js";
import type { Scope } from "../terminal/scope.js";

/** The endpoint that the demo is played against. */
export interface Target {
  readonly url: string;
  readonly token: string;
  /** In words: `the stack that runs at ws://127.0.0.1:4000/prod`. */
  readonly what: string;
}

const defaultHost = "127.0.0.1:4000";

/** @throws {UserError} when nobody listens there, or a token is missing */
export const findTarget = async (
  root: string,
  { url: given, token }: { readonly url?: string | undefined; readonly token?: string | undefined },
  scope: Scope,
): Promise<Target> => {
  if (given !== undefined) {
    const url = parseUrl(given);
    await reach(url);
    if (token !== undefined) return { url: plain(url), token, what: plain(url) };
    const local = isLoopback(url) ? await stackAt(url.host) : undefined;
    if (local) return { url: plain(url), token: await localToken(root, local, "demo"), what: plain(url) };
    throw new UserError(`The demo needs a token of the user pool of ${url.host}: give it with --token.`);
  }
  const running = await stackAt(defaultHost);
  if (running) {
    const url = `ws://${defaultHost}/prod`;
    return {
      url,
      token: token ?? (await localToken(root, running, "demo")),
      what: `the stack that runs at ${url}`,
    };
  }
  const say = (line: string) => console.error(line);
  say("No stack runs on port 4000: starting one for this demo, for about five seconds.");
  const stack = await startIn(scope, { root, observer: { say } });
  const { webSocketUrl: url } = stack;
  return { url, token: stack.token({ username: "demo" }), what: `a new stack at ${url}` };
};
