import { benchmarkAddress } from "../target.js";
import { enter, type Visitor } from "../visitor.js";
import { describeFrame } from "./frame-line.js";
import type { Narrator } from "./narrator.js";

export type Measure = "sessionCreated" | "sessionJoined" | "heartbeatAck" | "connectionRefreshComplete";

/** In ms: a welcome's from the start of the handshake, an ack's from the heartbeat. */
export type Latencies = Readonly<Record<Measure, number[]>>;

/** Everybody who comes to a session, and how long each had to wait. What happens to them is narrated. */
export interface Cast {
  readonly latencies: Latencies;
  /** @throws {Trouble} when the handshake is refused */
  come(name: string, query: Readonly<Record<string, string>>): Promise<Visitor>;
  /** Opens a connection and waits for its welcome; resolves with the session's id too. */
  welcomed(
    name: string,
    type: Exclude<Measure, "heartbeatAck">,
    query: Readonly<Record<string, string>>,
  ): Promise<{ readonly participant: Visitor; readonly sessionId: string }>;
  beat(participant: Visitor): Promise<void>;
  /** Cuts every socket that is still open. */
  disperse(): Promise<void>;
}

export interface CastOptions {
  readonly url: string;
  readonly narrator: Narrator;
  /** How long any wait may last (ms), the handshake's included. */
  readonly limitMs: number;
}

export const createCast = ({ url, narrator, limitMs }: CastOptions): Cast => {
  const visitors: Visitor[] = [];
  const latencies: Latencies = {
    sessionCreated: [],
    sessionJoined: [],
    heartbeatAck: [],
    connectionRefreshComplete: [],
  };
  // Everybody has one address and keeps it.
  const addresses = new Map<string, string>();

  const come: Cast["come"] = async (name, query) => {
    const address = addresses.get(name) ?? benchmarkAddress();
    addresses.set(name, address);
    narrator.does(name, shown(query));
    let sentAt: number | undefined = performance.now();
    const door = {
      url,
      name,
      address,
      handshakeMs: limitMs,
      limitMs,
      onFrame: (frame: Parameters<typeof describeFrame>[0]) => {
        narrator.gets(name, frame.type, describeFrame(frame), sentAt && performance.now() - sentAt);
        sentAt = undefined;
      },
      onUnknown: (text: string) => narrator.gets(name, "not a frame of the protocol", text.slice(0, 200)),
      onClose: (code: number) => narrator.notes(name, `socket closed, ${code}`),
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
    welcomed: async (name, type, query) => {
      const begun = performance.now();
      const participant = await come(name, query);
      const { sessionId } = await participant.next(type);
      latencies[type].push(performance.now() - begun);
      return { participant, sessionId };
    },
    beat: async (participant) => {
      const begun = performance.now();
      await participant.ask({ action: "heartbeat" }, "heartbeatAck");
      latencies.heartbeatAck.push(performance.now() - begun);
    },
    disperse: async () => {
      await Promise.all(visitors.map((visitor) => visitor.cut()));
    },
  };
};

/** A handshake's query as it is shown: never its token. */
const shown = ({
  action,
  token: _token,
  errors,
  sharedNetwork: _shared,
  ...rest
}: Readonly<Record<string, string>>): string =>
  [action, ...Object.values(rest), errors && `errors=${errors}`].filter(Boolean).join("  ");
