import type { FrameOf, ServerFrame } from "@lectern/protocol";
import { type Client, connect, Refused } from "../client.js";
import { gatewayMessage } from "../gateway-message.js";
import { within } from "../within.js";
import { symptomOf, Trouble } from "./trouble.js";

/** Somebody on a socket, whose every wait ends: with what was waited for, or with a {@link Trouble}. */
export interface Visitor {
  /** When its handshake began and when it was let in, by `performance.now()`. */
  readonly knockedAt: number;
  readonly enteredAt: number;
  /** The next frame of this type, one that has come already included. An error instead is a trouble. */
  next<Type extends Promised>(type: Type): Promise<FrameOf<Type>>;
  /** Sends a frame, and waits for its answer. */
  ask<Type extends Promised>(frame: object, type: Type): Promise<FrameOf<Type>>;
  /** Waits for an error; sends a frame first that ought to be answered so, if there is one. */
  refusal(frame?: object): Promise<FrameOf<"error">>;
  /** The code that the socket is closed with. */
  closed(): Promise<number>;
  /** Closes as one does who leaves. */
  leave(): Promise<number>;
  /** Cuts the socket, if it is still open. */
  cut(): Promise<void>;
}

type Promised = Exclude<ServerFrame["type"], "error">;

export interface Door {
  readonly url: string;
  /** Where the local gateway takes the visitors to come from. */
  readonly address: string;
  /** How long a handshake may take (ms). */
  readonly handshakeMs: number;
  /** How long any other wait may last (ms). */
  readonly limitMs: number;
  /** Gets everybody who is let in. */
  readonly onEntered: (visitor: Visitor) => void;
}

/**
 * Opens a connection.
 * @throws {Trouble} `unreachable`, or `refused` with its status
 */
export const enter = async (door: Door, query: Readonly<Record<string, string>>): Promise<Visitor> => {
  const { url, address, handshakeMs, limitMs } = door;
  const knockedAt = performance.now();
  const troubles = createTroubles();
  const client = await connect(url, query, {
    address,
    handshakeTimeoutMs: handshakeMs,
    onFrame: (frame) => {
      if (frame.type === "error") troubles.raise(new Trouble({ kind: "error", frame }));
    },
    onUnknown: (text) => {
      const message = gatewayMessage(text) ?? text.slice(0, 80);
      troubles.raise(new Trouble({ kind: "gateway", message }));
    },
  }).catch((error: unknown) => {
    throw asTrouble(error);
  });
  const silence = () => new Trouble({ kind: "silence", limitMs });
  const next: Visitor["next"] = (type) => {
    const frame = client.next(type).catch(() => gone(client));
    return within(limitMs, silence, Promise.race([frame, troubles.first()]));
  };
  const closed = async () => (await within(limitMs, silence, client.closed)).code;
  const visitor: Visitor = {
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
      const error = troubles.first().catch(errorFrame);
      return within(limitMs, silence, Promise.race([error, gone(client)]));
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
  door.onEntered(visitor);
  return visitor;
};

/**
 * Asks the same once more, to be refused by a frame that says why; undefined where none comes: the refusal may be API
 * Gateway's own.
 */
export const askWhy = async (
  door: Door,
  query: Readonly<Record<string, string>>,
): Promise<FrameOf<"error"> | undefined> => {
  const visitor = await enter(door, { ...query, errors: "frame" }).catch(() => undefined);
  const frame = await visitor?.refusal().catch(() => undefined);
  await visitor?.cut();
  return frame;
};

/** Troubles that nobody has waited for yet are kept for whoever waits next. */
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

/** Nothing more can come once the socket has closed. */
const gone = async (client: Client): Promise<never> => {
  throw new Trouble({ kind: "closed", code: (await client.closed).code });
};

const errorFrame = (error: unknown): FrameOf<"error"> => {
  const symptom = symptomOf(error);
  if (symptom?.kind !== "error") throw error;
  return symptom.frame;
};

const asTrouble = (error: unknown): Trouble => {
  if (error instanceof Refused) return new Trouble({ kind: "refused", status: error.status });
  const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
  const why = code ?? (error instanceof Error ? error.message : String(error));
  return new Trouble({ kind: "unreachable", why });
};
