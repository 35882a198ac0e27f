import { benchmarkAddress } from "../address.js";
import type { Client } from "../client.js";
import type { Narrator } from "./narrator.js";
import { enter, type Participant } from "./participant.js";

export type Measure = "sessionCreated" | "sessionJoined" | "heartbeatAck" | "connectionRefreshComplete";

/** In ms: a welcome's from the start of the handshake, an ack's from the heartbeat. */
export type Latencies = Readonly<Record<Measure, number[]>>;

/** Everybody who comes to a session, and how long each had to wait. */
export interface Cast {
  readonly latencies: Latencies;
  /** @throws {Refused} when the handshake is */
  come(name: string, query: Readonly<Record<string, string>>): Promise<Participant>;
  /** Opens a connection and waits for its welcome; resolves with the session's id too. */
  welcomed(
    name: string,
    type: Exclude<Measure, "heartbeatAck">,
    query: Readonly<Record<string, string>>,
  ): Promise<Welcomed>;
  beat(participant: Participant): Promise<void>;
  /** Cuts every socket that is still open. */
  disperse(): Promise<void>;
}

export interface Welcomed {
  readonly participant: Participant;
  readonly sessionId: string;
}

export interface CastOptions {
  readonly url: string;
  readonly narrator: Narrator;
  /** How long any wait may last (ms). */
  readonly limitMs: number;
  /** Gets every socket that is opened. */
  readonly onOpen?: (client: Client) => void;
}

export const createCast = ({ url, narrator, limitMs, onOpen }: CastOptions): Cast => {
  const sockets: Client[] = [];
  const latencies: Latencies = {
    sessionCreated: [],
    sessionJoined: [],
    heartbeatAck: [],
    connectionRefreshComplete: [],
  };
  const addressOf = addresses();

  const come: Cast["come"] = (name, query) =>
    enter(
      {
        url,
        name,
        address: addressOf(name),
        narrator,
        limitMs,
        onOpen: (client) => {
          sockets.push(client);
          onOpen?.(client);
        },
      },
      query,
    );

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
      const { tookMs } = await participant.ask("heartbeat", "heartbeatAck");
      latencies.heartbeatAck.push(tookMs);
    },
    disperse: async () => {
      for (const { socket } of sockets) socket.terminate();
      await Promise.all(sockets.map(({ closed }) => closed));
    },
  };
};

/** Everybody has an address of its own, and keeps it. */
const addresses = () => {
  const known = new Map<string, string>();
  return (name: string): string => {
    const address = known.get(name) ?? benchmarkAddress();
    known.set(name, address);
    return address;
  };
};
