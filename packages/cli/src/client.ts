import { type FrameOf, type ServerFrame, serverFrameSchema } from "@lectern/protocol";
import * as v from "valibot";
import WebSocket from "ws";

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** A handshake that was refused. */
export class Refused extends Error {
  readonly status: number;
  /** The text of the response. */
  readonly body: string;

  constructor(status: number, body = "") {
    super(`The handshake was refused with ${status}`);
    this.status = status;
    this.body = body;
  }
}

/** The handshake's HTTP status: 101 when it succeeds. */
export const statusOf = (handshake: Promise<unknown>): Promise<number> =>
  handshake.then(
    () => 101,
    (error: unknown) => {
      if (error instanceof Refused) return error.status;
      throw error;
    },
  );

/** A client on a real socket. It keeps every frame until `next` takes it. */
export interface Client {
  readonly socket: WebSocket;
  /** Resolves to the next frame of this type, also one that came earlier. Frames of other types stay. */
  next<Type extends ServerFrame["type"]>(type: Type): Promise<FrameOf<Type>>;
  /** The frames that `next` has not taken. */
  readonly waiting: readonly ServerFrame[];
  send(frame: unknown): void;
  /** Sends a frame and resolves to the next one of this type. */
  ask<Type extends ServerFrame["type"]>(frame: unknown, type: Type): Promise<FrameOf<Type>>;
  /** Resolves when the socket has closed. */
  readonly closed: Promise<Closed>;
  /** Closes the socket, as a client that leaves. */
  leave(code?: number): Promise<Closed>;
}

export interface ConnectOptions {
  readonly protocols?: readonly string[];
  /** The client's address, which only a local gateway believes. */
  readonly address?: string;
  /** The longest handshake (ms). Default: no limit. */
  readonly handshakeTimeoutMs?: number;
  /** Called with every frame, before `next` resolves to it. */
  readonly onFrame?: (frame: ServerFrame) => void;
  /** Called with text that is not a frame of the protocol; without it such text throws. */
  readonly onUnknown?: (text: string) => void;
}

/** @throws {Refused} when the handshake is */
export const connect = (
  url: string,
  query: Readonly<Record<string, string>>,
  { protocols = [], address, handshakeTimeoutMs, ...listeners }: ConnectOptions = {},
): Promise<Client> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url}?${new URLSearchParams(query)}`, [...protocols], {
      headers: address ? { "X-Forwarded-For": address } : {},
      ...(handshakeTimeoutMs === undefined ? {} : { handshakeTimeout: handshakeTimeoutMs }),
    });
    const client = follow(socket, listeners);
    socket.on("open", () => resolve(client));
    socket.on("unexpected-response", (request, response) => {
      let body = "";
      response.on("data", (chunk) => {
        body += String(chunk);
      });
      response.on("close", () => {
        request.destroy();
        reject(new Refused(response.statusCode ?? 0, body));
      });
      // A server that never ends its response.
      response.setTimeout(5_000, () => response.destroy());
    });
    socket.on("error", reject);
  });

const follow = (
  socket: WebSocket,
  { onFrame, onUnknown }: Pick<ConnectOptions, "onFrame" | "onUnknown">,
): Client => {
  const waiting: ServerFrame[] = [];
  const takers: { type: string; take: (frame: ServerFrame) => void }[] = [];
  socket.on("message", (data) => {
    const frame = frameIn(String(data), onUnknown);
    if (!frame) return;
    onFrame?.(frame);
    const index = takers.findIndex(({ type }) => type === frame.type);
    if (index < 0) waiting.push(frame);
    else takers.splice(index, 1)[0]?.take(frame);
  });
  const closed = new Promise<Closed>((resolve) => {
    socket.on("close", (code, reason) => resolve({ code, reason: String(reason) }));
  });
  const next = <Type extends ServerFrame["type"]>(type: Type): Promise<FrameOf<Type>> =>
    new Promise((resolve, reject) => {
      const isWanted = (frame: ServerFrame): frame is FrameOf<Type> => frame.type === type;
      const index = waiting.findIndex(isWanted);
      const found = waiting[index];
      if (found && isWanted(found)) {
        waiting.splice(index, 1);
        return resolve(found);
      }
      takers.push({ type, take: (frame) => (isWanted(frame) ? resolve(frame) : undefined) });
      void closed.then(({ code }) => {
        const errors = waiting.flatMap((frame) =>
          frame.type === "error" ? [`${frame.code} (${frame.message})`] : [],
        );
        const why = errors.length > 0 ? `, after ${errors.join(" and ")}` : "";
        reject(new Error(`The socket closed with ${code} before ${type} came${why}`));
      });
    });
  const send = (frame: unknown) => socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  return {
    socket,
    waiting,
    next,
    send,
    ask: (frame, type) => {
      const answer = next(type);
      send(frame);
      return answer;
    },
    closed,
    leave: (code) => {
      socket.close(code);
      return closed;
    },
  };
};

const frameIn = (text: string, onUnknown?: (text: string) => void): ServerFrame | undefined => {
  try {
    return v.parse(serverFrameSchema, JSON.parse(text));
  } catch (error) {
    if (!onUnknown) throw error;
    onUnknown(text);
    return undefined;
  }
};
