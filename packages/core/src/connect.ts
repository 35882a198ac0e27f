import { connectQuerySchema, type ErrorCode, sessionIdSchema } from "@lectern/protocol";
import * as v from "valibot";
import { type Attempt, attemptOf, exceeded } from "./admission.js";
import { type Arrival, origin } from "./arrival.js";
import * as Connection from "./connection.js";
import * as Connections from "./connection.table.js";
import type { Core } from "./core.js";
import { Failure } from "./failure.js";
import { countFailure } from "./metric.js";
import { parse } from "./parse.js";
import * as Session from "./session.js";

export interface Handshake {
  readonly arrival: Arrival;
  readonly query: Readonly<Record<string, string | undefined>>;
  /** What the authorizer found wrong with the token but left to us to say. */
  readonly refusal: ErrorCode | undefined;
}

/**
 * Lets a client in: what it asked for is done when this returns, and the welcome follows by the stream.
 *
 * A client that asked for it (`errors=frame`) is let in even to be refused, since a browser cannot read a handshake's
 * status: it gets the refusal as a frame and is closed. But not beyond its address's connection attempts.
 * @throws {Failure} the refusal; in its details the `sessionId` that was asked for
 */
export const connect = async (core: Core, handshake: Handshake): Promise<void> => {
  const { arrival, query } = handshake;
  const attempt = attemptOf(core, arrival);
  if (speaks(handshake)) attempt.exempt();
  try {
    await act(core, handshake, attempt);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const failure = about(query.sessionId, error);
    if (query.errors !== "frame") throw failure;
    const verdict = await attempt.verdict();
    if (!verdict.allowed) throw about(query.sessionId, exceeded("connectionAttempts", verdict.retryAfter));
    await refuse(core, arrival, failure);
    countFailure(core.metrics, failure);
  }
};

const act = async (core: Core, { arrival, query, refusal }: Handshake, attempt: Attempt): Promise<void> => {
  // Without the token service nobody's token can be checked, but listeners need none.
  if (refusal && !(refusal === "SERVICE_UNAVAILABLE" && listens(query))) throw new Failure(refusal);
  const request = parse(connectQuerySchema, query);
  switch (request.action) {
    case "createSession":
      return Session.create(core, arrival, request);
    case "joinSession":
      return Connection.join(core, arrival, request, attempt);
    case "refreshConnection":
      return request.role === "speaker"
        ? Connection.refreshSpeaker(core, arrival, request)
        : Connection.refreshListener(core, arrival, request, attempt);
  }
};

type Query = Handshake["query"];

const listens = ({ action, role }: Query): boolean =>
  action === "joinSession" || (action === "refreshConnection" && role === "listener");

/** A verified speaker, whom no limit of an address concerns. To a listener a token makes no difference. */
const speaks = ({ arrival, query }: Handshake): boolean =>
  arrival.userId !== undefined &&
  (query.action === "createSession" || (query.action === "refreshConnection" && query.role === "speaker"));

/** The failure, with the session in its details that the client asked for. */
const about = (sessionId: string | undefined, failure: Failure): Failure => {
  if (!v.is(sessionIdSchema, sessionId)) return failure;
  const { code, message, retryAfter, details, cause } = failure;
  const named = new Failure(code, message, {
    ...(retryAfter === undefined ? {} : { retryAfter }),
    details: { ...details, sessionId },
  });
  named.cause = cause;
  return named;
};

/** Puts a row whose welcome is the refusal. */
const refuse = async (core: Core, arrival: Arrival, failure: Failure): Promise<void> => {
  const { code, message, retryAfter, details } = failure;
  await Connections.insert(core, {
    ...origin(core, arrival),
    role: "refused",
    refusal: {
      code,
      message,
      ...(retryAfter === undefined ? {} : { retryAfter }),
      ...(details === undefined ? {} : { details: { ...details } }),
    },
  });
  core.log.info("Refused by frame", { outcome: "refused", errorCode: code });
};
