import type { FrameOf, ServerFrame } from "@lectern/protocol";
import { type Client, type Closed, connect } from "../client.js";
import { gatewayMessage } from "../gateway-message.js";
import { asDuration } from "../statistic.js";
import { within } from "../within.js";
import { describeFrame } from "./frame-line.js";
import type { Narrator } from "./narrator.js";
import { Unexpected } from "./promise.js";

/** Somebody in the session, on one socket at a time. */
export interface Participant {
  readonly name: string;
  /** Resolves to the next frame of this type; an error frame, or none of the protocol, comes instead: it throws. */
  next<Type extends ServerFrame["type"]>(type: Type): Promise<FrameOf<Type>>;
  /** Sends a frame, and resolves to the answer and how long it took. */
  ask<Type extends ServerFrame["type"]>(action: string, type: Type): Promise<Answered<Type>>;
  /** Resolves when the socket has closed. */
  closed(): Promise<Closed>;
  /** Closes as one who leaves. */
  leave(): Promise<Closed>;
  /** Loses the connection, without a word. */
  lose(): void;
}

interface Answered<Type extends ServerFrame["type"]> {
  readonly frame: FrameOf<Type>;
  readonly tookMs: number;
}

export interface Entrance {
  readonly url: string;
  readonly name: string;
  readonly address: string;
  readonly narrator: Narrator;
  /** How long any wait may last (ms), the handshake's included. */
  readonly limitMs: number;
  /** Gets the socket as soon as there is one, so that it is closed whatever happens. */
  readonly onOpen: (client: Client) => void;
}

/**
 * Opens a connection. The token never shows in what is told.
 * @throws {Refused}
 */
export const enter = async (
  { url, name, address, narrator, limitMs, onOpen }: Entrance,
  query: Readonly<Record<string, string>>,
): Promise<Participant> => {
  narrator.does(name, told(query));
  let sentAt = performance.now();
  let waits = true;
  let refuse: (error: Unexpected) => void = () => undefined;
  const trouble = new Promise<never>((_, reject) => {
    refuse = reject;
  });
  // Where nobody waits for anything, trouble troubles nobody; it is shown all the same.
  trouble.catch(() => undefined);
  const client = await connect(url, query, {
    address,
    handshakeTimeoutMs: limitMs,
    onFrame: (frame) => {
      const tookMs = waits ? performance.now() - sentAt : undefined;
      waits = false;
      narrator.gets(name, frame.type, describeFrame(frame), tookMs);
      if (frame.type === "error") refuse(new Unexpected(`${name} got the error ${frame.code}`));
    },
    onUnknown: (text) => {
      narrator.gets(name, "not a frame of the protocol", text.slice(0, 200));
      const words = gatewayMessage(text) ?? text.slice(0, 80);
      refuse(new Unexpected(`${name} got ${JSON.stringify(words)} instead`));
    },
  });
  onOpen(client);
  client.socket.on("close", (code) => narrator.notes(name, `socket closed, ${code}`));
  const inTime = <Result>(what: string, work: Promise<Result>): Promise<Result> =>
    within(limitMs, () => new Unexpected(`${name} ${what} within ${asDuration(limitMs)}`), work);
  const next: Participant["next"] = (type) => {
    const frame = client.next(type);
    return inTime(`got no ${type}`, type === "error" ? frame : Promise.race([frame, trouble]));
  };
  const closed = () => inTime("was not closed", client.closed);
  return {
    name,
    next,
    ask: async (action, type) => {
      narrator.does(name, action);
      sentAt = performance.now();
      waits = true;
      client.send({ action });
      const frame = await next(type);
      return { frame, tookMs: performance.now() - sentAt };
    },
    closed,
    leave: () => {
      narrator.does(name, "leaves");
      void client.leave();
      return closed();
    },
    lose: () => client.socket.terminate(),
  };
};

const told = ({
  action,
  token: _token,
  errors,
  sharedNetwork: _shared,
  ...rest
}: Readonly<Record<string, string>>) =>
  [action, ...Object.values(rest), errors === undefined ? "" : `errors=${errors}`].filter(Boolean).join("  ");
