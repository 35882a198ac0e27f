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

const defaultUrl = "ws://127.0.0.1:4000/prod";

/** @throws {UserError} when nobody listens there, or a token is missing */
export const findTarget = async (
  root: string,
  given: { readonly url?: string | undefined; readonly token?: string | undefined },
  scope: Scope,
): Promise<Target> => {
  const parsed = parseUrl(given.url ?? defaultUrl);
  if (given.url !== undefined) await reach(parsed);
  const local = isLoopback(parsed) ? await stackAt(parsed.host) : undefined;
  if (given.url === undefined && !local) return newStack(root, scope);
  const token = given.token ?? (local && (await localToken(root, local, "demo")));
  if (token === undefined) {
    throw new UserError(`The demo needs a token of the user pool of ${parsed.host}: give it with --token.`);
  }
  const url = plain(parsed);
  return { url, token, what: given.url === undefined ? `the stack that runs at ${url}` : url };
};

const newStack = async (root: string, scope: Scope): Promise<Target> => {
  const say = (line: string) => console.error(line);
  say("No stack runs on port 4000: starting one for this demo, for about five seconds.");
  const stack = await startIn(scope, { root, observer: { say } });
  const { webSocketUrl: url } = stack;
  return { url, token: stack.token({ username: "demo" }), what: `a new stack at ${url}` };
};
