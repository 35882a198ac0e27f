import { benchmarkAddress } from "../target.js";
import { type Door, enter, type Visitor } from "../visitor.js";
import { describeFrame } from "./frame-line.js";
import type { Narrator } from "./narrator.js";

export type Measure = "sessionCreated" | "sessionJoined" | "heartbeatAck" | "connectionRefreshComplete";

/** In ms: a welcome's from the start of the handshake, an ack's from the heartbeat. */
export type Latencies = Readonly<Record<Measure, number[]>>;

type Query = Readonly<Record<string, string>>;

export interface CastOptions {
  readonly url: string;
  readonly narrator: Narrator;
  /** The longest wait (ms), the handshake's included. */
  readonly limitMs: number;
}

export type Cast = ReturnType<typeof createCast>;

/** The participants of a session, and how long each waited. Narrates what happens to them. */
export const createCast = ({ url, narrator, limitMs }: CastOptions) => {
  const visitors: Visitor[] = [];
  const latencies: Latencies = {
    sessionCreated: [],
    sessionJoined: [],
    heartbeatAck: [],
    connectionRefreshComplete: [],
  };
  // Each participant keeps one address.
  const addresses = new Map<string, string>();

  /** @throws {Trouble} when the handshake is refused */
  const come = async (name: string, query: Query): Promise<Visitor> => {
    const address = addresses.get(name) ?? benchmarkAddress();
    addresses.set(name, address);
    narrator.does(name, shown(query));
    let sentAt: number | undefined = performance.now();
    const door: Door = {
      url,
      name,
      address,
      handshakeMs: limitMs,
      limitMs,
      onFrame: (frame) => {
        narrator.gets(name, frame.type, describeFrame(frame), sentAt && performance.now() - sentAt);
        sentAt = undefined;
      },
      onUnknown: (text) => narrator.gets(name, "not a frame of the protocol", text.slice(0, 200)),
      onClose: (code) => narrator.notes(name, `socket closed, ${code}`),
    };
    const visitor = await enter(door, query);
    visitors.push(visitor);
    return {
      ...visitor,
      ask: (frame, type) => {
        narrator.does(name, frame.action);
        sentAt = performance.now();
        return visitor.ask(frame, type);
      },
      leave: () => {
        narrator.does(name, "leaves");
        return visitor.leave();
      },
    };
  };

  return {
    latencies,
    come,
    /** Opens a connection and waits for its welcome. */
    welcomed: async (name: string, type: Exclude<Measure, "heartbeatAck">, query: Query) => {
      const participant = await come(name, query);
      const { sessionId } = await participant.next(type);
      latencies[type].push(performance.now() - participant.knockedAt);
      return { participant, sessionId };
    },
    beat: async (participant: Visitor): Promise<void> => {
      const begun = performance.now();
      await participant.ask({ action: "heartbeat" }, "heartbeatAck");
      latencies.heartbeatAck.push(performance.now() - begun);
    },
    /** Cuts every socket that is still open. */
    disperse: async (): Promise<void> => {
      await Promise.all(visitors.map((visitor) => visitor.cut()));
    },
  };
};

/** A handshake's query without its token. */
const shown = ({ action, token: _token, errors, sharedNetwork: _shared, ...rest }: Query): string =>
  [action, ...Object.values(rest), errors && `errors=${errors}`].filter(Boolean).join("  ");
