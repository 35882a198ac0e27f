import type { ServerFrame } from "@lectern/protocol";
import { SocketError, type Sockets } from "../port/sockets.js";

interface FakeSocket {
  /** How many sends are still answered with 410, as before a handshake is complete. */
  opening: number;
  open: boolean;
  frames: ServerFrame[];
  closes: number;
  /** Undefined: active at this very moment. */
  lastActiveAt: number | undefined;
  /** The error of every call. */
  failure: Error | undefined;
  /** The error of every send, as of a client that reads nothing. */
  sendFailure: Error | undefined;
}

/** Sockets in memory. A test can read their frames and closes, and let clients vanish, open late or fail. */
export const createFakeSockets = (now: () => number) => {
  const all = new Map<string, FakeSocket>();
  let onSend: (connectionId: string) => void = () => undefined;
  const of = (connectionId: string): FakeSocket => {
    const known = all.get(connectionId);
    if (known) return known;
    const socket: FakeSocket = {
      opening: 0,
      open: false,
      frames: [],
      closes: 0,
      lastActiveAt: undefined,
      failure: undefined,
      sendFailure: undefined,
    };
    all.set(connectionId, socket);
    return socket;
  };
  const port: Sockets = {
    send: async (connectionId, frame) => {
      onSend(connectionId);
      const socket = of(connectionId);
      const failure = socket.failure ?? socket.sendFailure;
      if (failure) throw failure;
      if (socket.opening > 0) {
        socket.opening -= 1;
        socket.open = socket.opening === 0;
        return "gone";
      }
      if (!socket.open) return "gone";
      socket.frames.push(frame);
      return "sent";
    },
    close: async (connectionId) => {
      const socket = of(connectionId);
      if (socket.failure) throw socket.failure;
      socket.closes += 1;
      socket.open = false;
      socket.opening = 0;
    },
    lastActiveAt: async (connectionId) => {
      const { open, lastActiveAt, failure } = of(connectionId);
      if (failure) throw failure;
      return open ? (lastActiveAt ?? now()) : "gone";
    },
  };
  return {
    port,
    of,
    open: (connectionId: string) => Object.assign(of(connectionId), { open: true, opening: 0 }),
    /** The socket opens after this many sends. */
    opening: (connectionId: string, sends: number) =>
      Object.assign(of(connectionId), { open: false, opening: sends }),
    /** The client is gone, or never came. */
    drop: (connectionId: string) => Object.assign(of(connectionId), { open: false, opening: 0 }),
    fail: (connectionId: string) =>
      Object.assign(of(connectionId), { failure: new SocketError("status 500", 500) }),
    /** No frame reaches the client: API Gateway answers with this status, or not at all. */
    takeNoFrame: (connectionId: string, status?: number) =>
      Object.assign(of(connectionId), { sendFailure: new SocketError("no frame", status) }),
    types: (connectionId: string) => of(connectionId).frames.map(({ type }) => type),
    opened: () => [...all].filter(([, { open }]) => open).map(([connectionId]) => connectionId),
    beforeSend: (act: (connectionId: string) => void) => {
      onSend = act;
    },
    snapshot: (): ReadonlyMap<string, FakeSocket> =>
      new Map([...all].map(([id, socket]) => [id, { ...socket, frames: [...socket.frames] }])),
    restore: (snapshot: ReadonlyMap<string, FakeSocket>) => {
      all.clear();
      for (const [id, socket] of snapshot) all.set(id, { ...socket, frames: [...socket.frames] });
      onSend = () => undefined;
    },
  };
};

export type FakeSockets = ReturnType<typeof createFakeSockets>;
