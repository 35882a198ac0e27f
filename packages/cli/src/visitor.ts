import type { FrameOf, ServerFrame } from "@lectern/protocol";
import { connect, Refused } from "./client.js";
import { asDuration } from "./statistic.js";
import { within } from "./within.js";

/**
 * A wait that ended otherwise than expected. The message is a sentence without its subject: `got the error FORBIDDEN`.
 * The sign is the key of the likely cause: a handshake's status (`404`), an error's code, API Gateway's own message
 * (`Forbidden`), `silence`, `closed`, `let in`, `unreachable`.
 */
export class Trouble extends Error {
  override readonly name = "Trouble";
  readonly sign: string;
  /** The error frame, or the one that gives a refused handshake's reason. */
  readonly frame: FrameOf<"error"> | undefined;

  constructor(sign: string, message: string, frame?: FrameOf<"error">) {
    super(message);
    this.sign = sign;
    this.frame = frame;
  }
}

/** A client whose every wait ends: with the expected frame, or with a {@link Trouble}. */
export interface Visitor {
  /** When its handshake began and when it was let in, by `performance.now()`. */
  readonly knockedAt: number;
  readonly enteredAt: number;
  /** The next frame of this type, also one that came earlier. An error frame instead is a trouble. */
  next<Type extends Promised>(type: Type): Promise<FrameOf<Type>>;
  /** Sends a frame, and waits for its answer. */
  ask<Type extends Promised>(frame: Action, type: Type): Promise<FrameOf<Type>>;
  /** Waits for an error frame; first sends `frame`, if one is given. */
  refusal(frame?: Action): Promise<FrameOf<"error">>;
  /** Resolves to the code that the socket is closed with. */
  closed(): Promise<number>;
  /** Closes the socket as a client that leaves. */
  leave(): Promise<number>;
  /** Cuts the socket, if it is still open. */
  cut(): Promise<void>;
}

interface Action {
  readonly action: string;
}

type Promised = Exclude<ServerFrame["type"], "error">;

export interface Door {
  readonly url: string;
  /** Begins the messages of this visitor's troubles. */
  readonly name?: string;
  /** The address that a local gateway takes the visitor to come from; API Gateway looks itself. */
  readonly address: string;
  /** The longest handshake (ms). */
  readonly handshakeMs: number;
  /** The longest other wait (ms). */
  readonly limitMs: number;
  /** Gets every frame; `onUnknown` gets text that is not a frame of the protocol. */
  readonly onFrame?: (frame: ServerFrame) => void;
  readonly onUnknown?: (text: string) => void;
  readonly onClose?: (code: number) => void;
}

/**
 * Opens a connection.
 * @throws {Trouble} `unreachable`, or the handshake's status
 */
export const enter = async (door: Door, query: Readonly<Record<string, string>>): Promise<Visitor> => {
  const { url, address, handshakeMs, limitMs, name } = door;
  const trouble = (sign: string, message: string, frame?: FrameOf<"error">) =>
    new Trouble(sign, name === undefined ? message : `${name} ${message}`, frame);
  const knockedAt = performance.now();
  const troubles = createTroubles();
  const client = await connect(url, query, {
    address,
    handshakeTimeoutMs: handshakeMs,
    onFrame: (frame) => {
      door.onFrame?.(frame);
      if (frame.type === "error") {
        troubles.raise(trouble(frame.code, `got the error ${frame.code}`, frame));
      }
    },
    onUnknown: (text) => {
      door.onUnknown?.(text);
      const message = gatewayMessage(text);
      troubles.raise(trouble(message, `got API Gateway's own ${JSON.stringify(message)}`));
    },
  }).catch((error: unknown) => {
    throw trouble(...refusalOf(error));
  });
  if (door.onClose) void client.closed.then(({ code }) => door.onClose?.(code));
  const inTime = <Result>(what: string, work: Promise<Result>): Promise<Result> =>
    within(limitMs, () => trouble("silence", `${what} within ${asDuration(limitMs)}`), work);
  const closedInstead = async (): Promise<never> => {
    throw trouble("closed", `found its socket closed with ${(await client.closed).code}`);
  };
  const next: Visitor["next"] = (type) => {
    const frame = client.next(type).catch(closedInstead);
    return inTime(`got no ${type}`, Promise.race([frame, troubles.first()]));
  };
  const closed = async () => (await inTime("was not closed", client.closed)).code;
  return {
    knockedAt,
    enteredAt: performance.now(),
    next,
    ask: (frame, type) => {
      troubles.forget();
      const answer = next(type);
      client.send(frame);
      return answer;
    },
    refusal: (frame) => {
      if (frame) {
        troubles.forget();
        client.send(frame);
      }
      const error = troubles.first().catch((raised: Trouble) => {
        if (raised.frame) return raised.frame;
        throw raised;
      });
      return inTime("got no error frame", Promise.race([error, closedInstead()]));
    },
    closed,
    leave: () => {
      void client.leave(1000);
      return closed();
    },
    cut: async () => {
      client.socket.terminate();
      await client.closed;
    },
  };
};

/** Keeps a trouble until the next wait, if nothing waits yet. */
const createTroubles = () => {
  let raised: Trouble | undefined;
  let tell: (trouble: Trouble) => void = () => undefined;
  return {
    raise: (trouble: Trouble) => {
      raised ??= trouble;
      tell(trouble);
    },
    first: (): Promise<never> =>
      new Promise((_, reject) => {
        tell = reject;
        if (raised) reject(raised);
      }),
    forget: () => {
      raised = undefined;
    },
  };
};

/** API Gateway's own frames have no `type`: `{"message": "Forbidden", …}`. */
const gatewayMessage = (text: string): string =>
  text.match(/"message":\s*"([^"]+)"/)?.[1] ?? text.slice(0, 80);

/** The sign and the message of a handshake that failed. */
const refusalOf = (error: unknown): [sign: string, message: string] => {
  if (error instanceof Refused) return [`${error.status}`, `was refused with ${error.status}`];
  const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
  return ["unreachable", `got no answer (${code ?? (error instanceof Error ? error.message : error)})`];
};
