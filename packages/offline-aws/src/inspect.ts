import inspector from "node:inspector";
import * as v from "valibot";
import { UserError } from "./user-error.js";

/** Gives a bare `--inspect` Node's usual port, since parsers of options want a value: `--inspect=9229`. */
export const withInspectPort = (args: readonly string[]): string[] =>
  args.map((arg) => (arg === "--inspect" ? "--inspect=9229" : arg));

/**
 * Opens the debugger's port on this machine and returns its address, `ws://127.0.0.1:9229/…`. A debugger that started
 * this process has opened one already.
 * @param port 0 takes any free one
 * @throws {UserError} when the port is taken
 */
export const openInspector = (port: number): string => {
  if (inspector.url() === undefined) inspector.open(port, "127.0.0.1");
  const url = inspector.url();
  if (url === undefined)
    throw new UserError(`Port ${port} is in use: choose another for the debugger with --inspect=PORT.`);
  return url;
};

const attached = v.object({ params: v.object({ sessionId: v.string() }) });

const received = v.object({
  params: v.object({ sessionId: v.string(), message: v.pipe(v.string(), v.parseJson()) }),
});

/**
 * Lets every function that stands at a breakpoint run on, until the process exits: a paused worker thread cannot be
 * terminated.
 */
export const resumePaused = (): void => {
  const session = new inspector.Session();
  session.connect();
  let id = 0;
  const send = (sessionId: string, method: string): void => {
    id += 1;
    session.post("NodeWorker.sendMessageToWorker", { sessionId, message: JSON.stringify({ id, method }) });
  };
  session.on("NodeWorker.attachedToWorker", (event) => {
    const { sessionId } = v.parse(attached, event).params;
    // The debugger answers with `Debugger.paused` if the thread is paused already.
    send(sessionId, "Debugger.enable");
    send(sessionId, "Debugger.resume");
  });
  session.on("NodeWorker.receivedMessageFromWorker", (event) => {
    const { sessionId, message } = v.parse(received, event).params;
    if (v.is(v.object({ method: v.literal("Debugger.paused") }), message)) send(sessionId, "Debugger.resume");
  });
  session.post("NodeWorker.enable", { waitForDebuggerOnStart: false });
};
