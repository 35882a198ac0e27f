import type { Duplex } from "node:stream";
import { WebSocket } from "ws";
import { type Client, type Deployment, type ErrorFrameMessage, isRecord, MAX_MESSAGE_BYTES } from "./api.js";
import { describeFailure, INTEGRATION_TIMEOUT_SECONDS, invokeWithin } from "./deadline.js";
import { messageEvent } from "./event.js";
import { createFrameWatch } from "./frame-limit.js";
import { createId } from "./id.js";
import { throttled } from "./throttle.js";

const MAX_FRAME_BYTES = 32 * 1024;
const IDLE_LIMIT_MS = 10 * 60_000;
const LIFETIME_MS = 2 * 60 * 60_000;

/** How much may wait for a slow client before posts are refused. AWS does not document its limit. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

/** The close codes for errors of `ws`'s receiver; any other error is a breach of the protocol (1002). */
const RECEIVER_ERRORS = new Map([
  ["WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", 1009],
  ["WS_ERR_TOO_MANY_BUFFERED_PARTS", 1008],
  ["WS_ERR_INVALID_UTF8", 1007],
]);

/** AWS's words for a plain `close()` of the client. */
const NO_CODE_SENT = "Client-side close frame status not set";

export interface Close {
  readonly code: number;
  readonly reason: string;
}

/** One accepted client. */
export interface Connection {
  readonly client: Client;
  /** False from the moment that either side closes. */
  isOpen(): boolean;
  /** The time of the last message in either direction, in ms since the epoch. */
  lastActiveAt(): number;
  /** Sends one frame. `full`: the client reads too slowly. */
  post(data: Buffer, binary: boolean): "sent" | "full";
  /** False when it was closed or closing already. */
  close(close: Close): boolean;
}

/** Serves a socket that has just been upgraded; `onClosed` is called once, when the socket is gone. */
export const serveConnection = (
  deployment: Deployment,
  client: Client,
  socket: WebSocket,
  raw: Duplex,
  onClosed: (close: Close) => void,
): Connection => {
  const { api, clock } = deployment;
  let lastActiveAt = clock.now();
  let received = 0;
  /** How many messages are read: none after the message that broke a rule. */
  let admitted = Number.POSITIVE_INFINITY;
  let closedByUs: Close | undefined;
  let cancelDeadline = () => {};

  const close = (reason: Close, messages = received): boolean => {
    if (socket.readyState !== WebSocket.OPEN) return false;
    closedByUs = reason;
    admitted = messages;
    socket.close(reason.code, reason.reason);
    return true;
  };

  const send = (data: string | Buffer, binary = false): void => {
    if (socket.readyState !== WebSocket.OPEN) return;
    lastActiveAt = clock.now();
    socket.send(data, { binary });
  };

  const sendError = (message: ErrorFrameMessage, requestId: string, reason: string): void => {
    const { connectionId } = client;
    send(`{"message": "${message}", "connectionId":"${connectionId}", "requestId":"${requestId}"}`);
    deployment.notify({ kind: "message-refused", connectionId, message, reason });
  };

  const onMessage = async (body: string): Promise<void> => {
    const requestId = createId();
    const route = deployment.selectRoute(body);
    if (!deployment.withinThrottle(route)) return sendError("Too Many Requests", requestId, throttled(route));
    if (!route) return sendError("Forbidden", requestId, "no route, and no $default");
    if (route.functionName === undefined)
      return sendError("Internal server error", requestId, `${route.routeKey} has no integration`);

    const at = { now: clock.now(), requestId, messageId: createId() };
    const event = messageEvent(api, client, route.routeKey, at, body);
    const { functionName } = route;
    const outcome = await invokeWithin(INTEGRATION_TIMEOUT_SECONDS, deployment, functionName, event);
    if (outcome.kind !== "returned")
      return sendError("Internal server error", requestId, `${functionName} ${describeFailure(outcome)}`);
    const { payload } = outcome;
    // AWS does not document whether a status other than 2xx replaces the body, so the status is ignored.
    if (!route.routeResponse || !isRecord(payload) || typeof payload.body !== "string" || payload.body === "")
      return;
    const size = Buffer.byteLength(payload.body);
    // AWS documents this limit, but not its answer to a longer body.
    if (size > MAX_MESSAGE_BYTES)
      return sendError(
        "Internal server error",
        requestId,
        `${route.functionName} returned a body of ${size} bytes, and a message has at most ${MAX_MESSAGE_BYTES}`,
      );
    send(payload.body);
  };

  /** Idle time and lifetime share one timer. A message does not reset it: when it fires, it computes the deadline again. */
  const awaitDeadline = (): void => {
    const deadline = Math.min(lastActiveAt + IDLE_LIMIT_MS, client.connectedAt + LIFETIME_MS);
    const left = deadline - clock.now();
    // The code of the two-hour cut is not documented; that of the idle cut is.
    if (left <= 0) close({ code: 1001, reason: "Going away" });
    else cancelDeadline = clock.after(left, awaitDeadline);
  };

  // Ahead of the listener of `ws`, so that a frame is measured before it can become a message.
  raw.prependListener(
    "data",
    createFrameWatch(MAX_FRAME_BYTES, (messagesBefore) => close({ code: 1009, reason: "" }, messagesBefore)),
  );
  socket.on("message", (data, isBinary) => {
    if (received >= admitted) return;
    received += 1;
    if (isBinary) {
      close({ code: 1003, reason: "" });
      return;
    }
    lastActiveAt = clock.now();
    void onMessage(data.toString());
  });
  socket.on("error", (error) => {
    if (!("code" in error) || typeof error.code !== "string" || !error.code.startsWith("WS_ERR_")) return;
    closedByUs ??= { code: RECEIVER_ERRORS.get(error.code) ?? 1002, reason: "" };
  });
  socket.on("close", (code, reason) => {
    cancelDeadline();
    onClosed(closedByUs ?? { code, reason: code === 1005 ? NO_CODE_SENT : reason.toString() });
  });
  awaitDeadline();

  return {
    client,
    isOpen: () => socket.readyState === WebSocket.OPEN,
    lastActiveAt: () => lastActiveAt,
    post: (data, binary) => {
      if (socket.bufferedAmount > MAX_BUFFERED_BYTES) return "full";
      send(data, binary);
      return "sent";
    },
    close,
  };
};
